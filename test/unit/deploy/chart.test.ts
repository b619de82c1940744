/** What the chart renders fits the driver that it installs, and gives nobody more than he needs. No helm is needed. */
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import packageJson from "../../../package.json" with { type: "json" };
import { parseConfig } from "../../../src/config.ts";
import { parseControllerConfig } from "../../../src/config/controller.ts";
import { DRIVER_NAME } from "../../../src/core/ids.ts";
import {
  containersOf,
  dataOf,
  RENDERED,
  rendered,
  theOne,
  workload,
  type Container,
  type Rendered,
} from "../../support/manifests.ts";
import { documentText } from "../../support/markdown.ts";

const SURROUNDINGS = { nodeName: "worker-3" };
const PRIVILEGED = new Set(["guard", "driver"]);

test("chart, image and program have one version", () => {
  const chart = parse(documentText("charts/dmthin/Chart.yaml")) as Readonly<Record<string, string>>;
  expect([chart["version"], chart["appVersion"]]).toEqual([packageJson.version, packageJson.version]);
  const { image } = containersOf(workload(rendered("deploy/dmthin.yaml"), "DaemonSet"))[0] ?? {};
  expect(image).toBe(`ghcr.io/dmthin/dmthin:${packageJson.version}`);
});

describe.each(RENDERED)("%s", (path: Rendered) => {
  const manifests = rendered(path);
  const node = workload(manifests, "DaemonSet");
  const controller = workload(manifests, "Deployment");
  const nodePod = node.spec.template;
  const controllerPod = controller.spec.template;

  test("has configurations that drivers and routers take", () => {
    const texts = dataOf(manifests, "dmthin-node");
    expect(Object.keys(texts)).toContain("config.yaml");
    for (const text of Object.values(texts)) {
      const parsed = parseConfig(text, SURROUNDINGS);
      expect(parsed.kind === "valid" ? [] : parsed.problems).toEqual([]);
    }
    const parsed = parseControllerConfig(dataOf(manifests, "dmthin-controller")["config.yaml"] ?? "", {});
    expect(parsed.kind === "valid" ? [] : parsed.problems).toEqual([]);
  });

  test("tells each side where the other is", () => {
    const drivers = parseConfig(dataOf(manifests, "dmthin-node")["config.yaml"] ?? "", SURROUNDINGS);
    const routers = parseControllerConfig(dataOf(manifests, "dmthin-controller")["config.yaml"] ?? "", {});
    if (drivers.kind !== "valid" || routers.kind !== "valid") throw new Error("see the test above");
    const { cluster, endpoint, guard, metrics, kubeletDirectory } = drivers.config;
    const { kubernetes } = routers.value;
    expect(kubernetes?.nodePort).toBe(cluster?.listen.port);
    expect(kubernetes?.serviceAccount).toBe(nodePod.spec.serviceAccountName);
    const [key = "", value] = kubernetes?.podLabel.split("=") ?? [];
    expect(nodePod.metadata.labels[key]).toBe(value);
    expect(controllerPod.metadata.labels[key]).toBeUndefined();

    const service = theOne(manifests, "Service", "dmthin-controller");
    const { selector, ports } = service["spec"] as {
      readonly selector: Readonly<Record<string, string>>;
      readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    };
    expect(controllerPod.metadata.labels).toMatchObject(selector);
    expect(cluster?.enrol?.controller).toBe(`dmthin-controller.dmthin-system.svc:${ports[0]?.port}`);
    expect(portsOf(controller)[ports[0]?.targetPort ?? ""]).toBe(kubernetes?.enrol.port);

    const driver = named(containersOf(node), "driver");
    expect(portsOf(node)).toMatchObject({ controllers: cluster?.listen.port, metrics: metrics?.listen.port });
    expect(named(containersOf(node), "guard").args).toContain(`--socket=${guard?.socket}`);
    expect(named(containersOf(node), "registrar").args).toContain(
      `--kubelet-registration-path=${endpoint.slice("unix://".length)}`,
    );
    const mounts = driver.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
    for (const file of [cluster?.enrol?.ca, cluster?.enrol?.token])
      expect(mounts.some((mount) => file?.startsWith(`${mount}/`) === true)).toBe(true);
    for (const below of ["plugins", "pods"])
      expect(driver.volumeMounts).toContainEqual({
        name: below,
        mountPath: `${kubeletDirectory}/${below}`,
        mountPropagation: "Bidirectional",
      });
  });

  test("has every directory of a loop pool in the driver", () => {
    const mounts = named(containersOf(node), "driver").volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
    const directories = Object.values(dataOf(manifests, "dmthin-node")).flatMap((text) => {
      const parsed = parseConfig(text, SURROUNDINGS);
      const pools = parsed.kind === "valid" ? parsed.config.pools : [];
      return pools.flatMap((pool) => (pool.backing === "loop" ? [pool.directory] : []));
    });
    const outside = directories.filter((each) => !mounts.some((mount) => each.startsWith(`${mount}/`)));
    expect(outside).toEqual([]);
  });

  test("gives nodes nothing that the API server accepts", () => {
    expect(nodePod.spec.automountServiceAccountToken).toBe(false);
    const tokens = nodePod.spec.volumes.flatMap(
      ({ projected }) => projected?.sources.map((source) => source.serviceAccountToken) ?? [],
    );
    expect(tokens).toMatchObject([{ audience: DRIVER_NAME }]);
    expect(nodePod.spec.volumes.filter((volume) => volume.secret !== undefined)).toEqual([]);
    const bound = manifests
      .filter(({ kind }) => kind.endsWith("RoleBinding"))
      .flatMap((binding) => binding["subjects"] as readonly { readonly name: string }[])
      .map(({ name }) => name);
    expect([...new Set(bound)]).toEqual(["dmthin-controller"]);
    // Kubelet's own credentials, and those of a control plane.
    const paths = nodePod.spec.volumes.flatMap(({ hostPath }) => hostPath?.path ?? []);
    expect(
      paths.filter((each) => /^\/(?:etc|root|var|var\/lib|var\/lib\/kubelet)?\/?$|pki/.test(each)),
    ).toEqual([]);
  });

  test("has no key in it", () => {
    expect(manifests.filter(({ kind }) => kind === "Secret")).toEqual([]);
    expect(documentText(path)).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE|eyJ[\w-]{20}/);
  });

  test("lets nobody be privileged but driver and guard", () => {
    for (const pod of [nodePod, controllerPod]) {
      const { hostNetwork, hostPID, hostIPC, securityContext } = pod.spec;
      expect([hostNetwork, hostPID, hostIPC]).toEqual([undefined, undefined, undefined]);
      expect(securityContext?.seccompProfile?.type).toBe("RuntimeDefault");
    }
    expect(controllerPod.spec.securityContext?.runAsNonRoot).toBe(true);
    const all = [...containersOf(node), ...containersOf(controller)];
    expect(all.filter(({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true)).toEqual([]);
    const tame = all.filter(({ name }) => !PRIVILEGED.has(name));
    expect(tame.length).toBeGreaterThan(3);
    for (const { name, securityContext = {} } of tame) {
      const { privileged = false, allowPrivilegeEscalation, capabilities } = securityContext;
      expect({ name, privileged, allowPrivilegeEscalation, capabilities }).toEqual({
        name,
        privileged: false,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  test("gives the driver the node's /sys: its pod's own is read-only, whatever a container may do", () => {
    const volume = nodePod.spec.volumes.find(({ hostPath }) => hostPath?.path === "/sys");
    const driver = containersOf(node).find(({ name }) => name === "driver");
    expect(volume).toBeDefined();
    expect(driver?.volumeMounts).toContainEqual({ name: volume?.name, mountPath: "/sys" });
  });

  test("gives the API server's token to those that speak to it", () => {
    expect(controllerPod.spec.automountServiceAccountToken).toBe(false);
    const without = containersOf(controller).filter(
      ({ volumeMounts = [] }) => !volumeMounts.some(({ name }) => name === "api"),
    );
    expect(without).toEqual([]);
  });

  test("starts guard and router before, and ends them after, who needs them", () => {
    const sidecars = (each: typeof node) =>
      each.spec.template.spec.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy]);
    expect(sidecars(node)).toEqual([["guard", "Always"]]);
    expect(sidecars(controller)).toEqual([["router", "Always"]]);
  });

  test("probes ports that are open", () => {
    for (const each of [node, controller]) {
      const open = portsOf(each);
      for (const container of containersOf(each))
        for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
          const port = container[probe]?.httpGet?.port;
          if (port === undefined) continue;
          // A name means one of the container's own.
          if (typeof port === "string") expect(container.ports?.map(({ name }) => name)).toContain(port);
          else expect(Object.values(open)).toContain(port);
        }
    }
  });

  test("gives every volume that is mounted, and mounts every volume", () => {
    for (const each of [node, controller]) {
      const mounted = containersOf(each).flatMap(({ volumeMounts = [] }) =>
        volumeMounts.map(({ name }) => name),
      );
      const volumes = each.spec.template.spec.volumes.map(({ name }) => name);
      expect([...new Set(mounted)].toSorted()).toEqual(volumes.toSorted());
    }
  });

  test("selects the pods that it makes", () => {
    for (const { spec } of [node, controller])
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    for (const manifest of manifests.filter(
      ({ kind }) => kind === "NetworkPolicy" || kind === "PodMonitor",
    )) {
      const { podSelector, selector } = manifest["spec"] as Readonly<
        Record<"podSelector" | "selector", { readonly matchLabels: object } | undefined>
      >;
      const of = manifest.metadata.name === node.metadata.name ? nodePod : controllerPod;
      expect(of.metadata.labels).toMatchObject((podSelector ?? selector)?.matchLabels ?? { none: "" });
    }
  });
});

/** As it was first, and has to stay: Kubernetes refuses an upgrade that changes it. */
const FOR_EVER = {
  selectors: ["node", "controller"].map((component) => ({
    matchLabels: { "app.kubernetes.io/name": "dmthin", "app.kubernetes.io/component": component },
  })),
  clusterIP: "None",
  driver: { attachRequired: false, volumeLifecycleModes: ["Persistent"] },
  // A binding is to its own namesake.
  roles: ["ClusterRoleBinding", "RoleBinding"].flatMap((kind) =>
    ["dmthin-controller", "dmthin-provisioner", "dmthin-resizer"].map(
      (name) => `${kind} ${name} of ${kind.slice(0, -"Binding".length)} ${name}`,
    ),
  ),
};

test.each(RENDERED)("an upgrade from %s, or to it, changes nothing that nobody may change", (path) => {
  const manifests = rendered(path);
  const { attachRequired, volumeLifecycleModes } = theOne(manifests, "CSIDriver")["spec"] as Readonly<
    Record<string, unknown>
  >;
  const bindings = manifests.filter(
    ({ kind, metadata }) => kind.endsWith("RoleBinding") && metadata.name !== "dmthin-snapshotter",
  );
  expect({
    selectors: (["DaemonSet", "Deployment"] as const).map((kind) => workload(manifests, kind).spec.selector),
    clusterIP: (theOne(manifests, "Service")["spec"] as { readonly clusterIP: string }).clusterIP,
    driver: { attachRequired, volumeLifecycleModes },
    roles: bindings
      .map((binding) => {
        const { kind, name } = binding["roleRef"] as { readonly kind: string; readonly name: string };
        return `${binding.kind} ${binding.metadata.name} of ${kind} ${name}`;
      })
      .toSorted(),
  }).toEqual(FOR_EVER);
});

describe("a change of values", () => {
  const [of, everything] = [rendered("deploy/dmthin.yaml"), rendered("test/chart/rendered/everything.yaml")];
  const mark = "dmthin.io/configuration";

  test("of the log level replaces pods", () => {
    for (const kind of ["DaemonSet", "Deployment"] as const)
      expect(workload(everything, kind).spec.template.metadata.annotations[mark]).not.toBe(
        workload(of, kind).spec.template.metadata.annotations[mark],
      );
  });

  test("gives a node of its own the pools that are said for it, and the others the rest", () => {
    const texts = dataOf(everything, "dmthin-node");
    const poolsOf = (file: string): unknown => {
      const parsed = parseConfig(texts[file] ?? "", SURROUNDINGS);
      if (parsed.kind === "invalid") throw new Error(parsed.problems.join());
      const { pools, defaultPool } = parsed.config;
      return [defaultPool, ...pools.map(({ name, backing }) => `${name} ${backing}`)];
    };
    expect(poolsOf("config.yaml")).toEqual(["fast", "fast devices", "slow parts"]);
    expect(poolsOf("worker-7.example.org.yaml")).toEqual(["fast", "fast devices", "slow loop"]);
    expect(poolsOf("worker-8.yaml")).toEqual(["slow", "fast devices", "slow parts"]);
  });
});

function portsOf(each: Parameters<typeof containersOf>[0]): Readonly<Record<string, number>> {
  const ports = containersOf(each).flatMap((container) => container.ports ?? []);
  return Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort]));
}

function named(containers: readonly Container[], name: string): Container {
  const found = containers.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

test.each<[Rendered, readonly number[]]>([
  ["deploy/dmthin.yaml", [53]],
  ["test/chart/rendered/everything.yaml", [53, 5353]],
])("policies of %s let all pods ask for names at ports %j, by UDP and TCP", (path, ports) => {
  const policies = rendered(path).filter(({ kind }) => kind === "NetworkPolicy");
  const wanted = ports.flatMap((port) => ["UDP", "TCP"].map((protocol) => ({ protocol, port })));
  expect(policies.map(({ metadata }) => metadata.name)).toEqual(["dmthin-node", "dmthin-controller"]);
  for (const { spec } of policies) {
    const { egress } = spec as { readonly egress: readonly { readonly ports: readonly object[] }[] };
    expect(egress.flatMap((rule) => rule.ports)).toEqual(expect.arrayContaining(wanted));
  }
});
