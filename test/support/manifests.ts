/** Rendered manifests, as far as tests read them. */
import { parseAllDocuments } from "yaml";
import { documentText } from "./markdown.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
    readonly runAsUser?: number;
  };
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly mountPropagation?: string;
  }[];
  readonly [probe: `${string}Probe`]: { readonly httpGet?: { readonly port: number | string } } | undefined;
}

export interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
  readonly configMap?: { readonly name: string; readonly optional?: boolean };
  readonly secret?: unknown;
  readonly projected?: {
    readonly sources: readonly {
      readonly serviceAccountToken?: { readonly audience?: string; readonly path: string };
    }[];
  };
}

export interface Workload extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly automountServiceAccountToken?: boolean;
        readonly hostNetwork?: boolean;
        readonly hostPID?: boolean;
        readonly hostIPC?: boolean;
        readonly securityContext?: {
          readonly runAsNonRoot?: boolean;
          readonly seccompProfile?: { readonly type: string };
        };
        readonly initContainers?: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What `make generate` renders. */
export const RENDERED = [
  "deploy/dmthin.yaml",
  "test/chart/rendered/everything.yaml",
  "test/chart/rendered/least.yaml",
] as const;
export type Rendered = (typeof RENDERED)[number];

/** Every object of a file. Throws where it is not YAML, or has a key twice. */
export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    for (const problem of [...document.errors, ...document.warnings]) throw problem;
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}

export const rendered = (path: Rendered): readonly Manifest[] => manifestsOf(documentText(path));

/** Throws where there is not exactly one. */
export function theOne(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name,
  );
  const [one, ...others] = found;
  if (one === undefined || others.length > 0) throw new Error(`${found.length} of ${kind} ${name ?? ""}`);
  return one;
}

export const workload = (manifests: readonly Manifest[], kind: "DaemonSet" | "Deployment"): Workload =>
  theOne(manifests, kind) as unknown as Workload;

export const containersOf = ({ spec }: Workload): readonly Container[] => [
  ...(spec.template.spec.initContainers ?? []),
  ...spec.template.spec.containers,
];

/** The texts of a ConfigMap. */
export const dataOf = (manifests: readonly Manifest[], name: string): Readonly<Record<string, string>> =>
  theOne(manifests, "ConfigMap", name)["data"] as Readonly<Record<string, string>>;
