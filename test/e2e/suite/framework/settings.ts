/** What a run is told by its environment. */
import type { KubeObject } from "./kubectl.ts";

export interface Settings {
  readonly kubectl: string;
  /** Where dmthin is installed, and as what release. */
  readonly namespace: string;
  readonly release: string;
  /** Of the pods: sh, dd, sha256sum, df, blockdev, awk, stat. */
  readonly image: string;
  /** Absent: the driver's default pool. */
  readonly pool?: string;
  readonly smallPool?: string;
  readonly bed?: string;
  readonly helm?: string;
  readonly chart?: string;
  readonly plugin?: string;
  /** Image of csi-driver-host-path, which fifty claims are compared with. */
  readonly hostpath?: string;
  readonly parallel: number;
  /** Leaves what a failed scenario made where it is. */
  readonly keep: boolean;
}

const IMAGE = "docker.io/library/busybox:1.37";
const PARALLEL = 3;

export function readSettings(environment: Readonly<NodeJS.ProcessEnv>): Settings {
  const given = (name: string): string | undefined =>
    environment[name] === "" ? undefined : environment[name];
  const parallel = Number(given("DMTHIN_E2E_PARALLEL") ?? PARALLEL);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new Error("DMTHIN_E2E_PARALLEL: a number of at least 1");
  return {
    kubectl: given("KUBECTL") ?? "kubectl",
    namespace: given("DMTHIN_NAMESPACE") ?? "dmthin-system",
    release: given("DMTHIN_RELEASE") ?? "dmthin",
    image: given("DMTHIN_E2E_IMAGE") ?? IMAGE,
    parallel,
    keep: given("DMTHIN_E2E_KEEP") === "1",
    ...optional("pool", given("DMTHIN_E2E_POOL")),
    ...optional("smallPool", given("DMTHIN_E2E_SMALL_POOL")),
    ...optional("bed", given("DMTHIN_E2E_BED")),
    ...optional("helm", given("HELM")),
    ...optional("chart", given("DMTHIN_E2E_CHART")),
    ...optional("plugin", given("DMTHIN_E2E_PLUGIN")),
    ...optional("hostpath", given("DMTHIN_E2E_HOSTPATH")),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

/** Labels by which the chart's pods are found. */
export const NODE_PODS = "app.kubernetes.io/name=dmthin,app.kubernetes.io/component=node";
export const CONTROLLER_PODS = "app.kubernetes.io/name=dmthin,app.kubernetes.io/component=controller";

export const nameOf = ({ metadata }: KubeObject): string => {
  const name = metadata?.name;
  if (name === undefined) throw new Error("an object without a name");
  return name;
};
