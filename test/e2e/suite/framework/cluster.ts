/** The cluster that a run was given: what it has, found out once. */
import { DRIVER_NAME, TOPOLOGY_KEY } from "../../../../src/core/ids.ts";
import { Bed } from "./bed.ts";
import { Kubectl, type KubeObject } from "./kubectl.ts";
import type { Need } from "./scenario.ts";
import { nameOf, type Settings } from "./settings.ts";

export interface DriverNode {
  readonly name: string;
  /** Its value of the topology key. */
  readonly topology: string;
}

export interface Cluster {
  readonly settings: Settings;
  readonly kubectl: Kubectl;
  /** Nodes on which the driver is registered, at least one, by name. */
  readonly nodes: readonly DriverNode[];
  /** Why scenarios with that need cannot be run. */
  readonly lacking: ReadonlyMap<Need, string>;
  readonly bed: Bed | undefined;
  /** Of the group snapshot API that the cluster serves. */
  readonly groupSnapshotVersion: string;
}

interface CsiNode extends KubeObject {
  readonly spec?: { readonly drivers?: readonly { readonly name: string }[] | null };
}

interface Definition extends KubeObject {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
    }[];
  };
}

const SNAPSHOTS = "volumesnapshots.snapshot.storage.k8s.io";
const GROUP_SNAPSHOTS = "volumegroupsnapshots.groupsnapshot.storage.k8s.io";
const THIN_POOLS = "thinpools.dmthin.io";

/** Throws where the driver is registered on no node: there is nothing to try. */
export async function lookAtCluster(settings: Settings): Promise<Cluster> {
  const kubectl = new Kubectl(settings.kubectl);
  const [csiNodes, nodes, definitions] = await Promise.all([
    kubectl.list<CsiNode>(["get", "csinodes"]),
    kubectl.list(["get", "nodes"]),
    kubectl.list<Definition>(["get", "customresourcedefinitions"]),
  ]);
  const registered = new Set(
    csiNodes
      .filter(({ spec }) => spec?.drivers?.some(({ name }) => name === DRIVER_NAME) === true)
      .map(nameOf),
  );
  const driverNodes = nodes
    .filter((node) => registered.has(nameOf(node)))
    .map((node) => ({ name: nameOf(node), topology: node.metadata?.labels?.[TOPOLOGY_KEY] ?? "" }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
  if (driverNodes.length === 0) throw new Error(`${DRIVER_NAME} is registered on no node of this cluster`);
  const served = (name: string): string | undefined => {
    const versions = definitions.find((each) => nameOf(each) === name)?.spec.versions ?? [];
    return (versions.find(({ storage }) => storage) ?? versions.find((each) => each.served))?.name;
  };
  const lacking = new Map<Need, string>();
  const need = (name: Need, there: boolean, why: string): void => void (there || lacking.set(name, why));
  need("two-nodes", driverNodes.length >= 2, "needs the driver on two nodes");
  need("snapshots", served(SNAPSHOTS) !== undefined, "needs the snapshot API and its controller");
  need("group-snapshots", served(GROUP_SNAPSHOTS) !== undefined, "needs the group snapshot API");
  need("thinpools", served(THIN_POOLS) !== undefined, "needs the definition of ThinPools");
  need("bed", settings.bed !== undefined, "needs the test bed");
  need("small-pool", settings.smallPool !== undefined, "needs a small pool: DMTHIN_E2E_SMALL_POOL");
  need(
    "helm",
    settings.helm !== undefined && settings.chart !== undefined,
    "needs HELM and the chart: DMTHIN_E2E_CHART",
  );
  need("plugin", settings.plugin !== undefined, "needs the plugin: DMTHIN_E2E_PLUGIN");
  return {
    settings,
    kubectl,
    nodes: driverNodes,
    lacking,
    bed: settings.bed === undefined ? undefined : new Bed(settings.bed),
    groupSnapshotVersion: served(GROUP_SNAPSHOTS) ?? "",
  };
}
