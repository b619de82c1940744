/** A real API server with a controller's rights at hand, and two nodes that serve pools in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api } from "@kubernetes/client-node";
import { vi } from "vitest";
import { connectApi, type Api } from "../../src/kube/api.ts";
import { readClusterUid } from "../../src/kube/cluster-uid.ts";
import { rosterOf, startNode, startRouter, untilConnected } from "../support/fleet-bench.ts";
import type { RouterBench, SimulatedNode } from "../support/fleet-bench.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";
import {
  CONTROLLER_ACCOUNT,
  installAccounts,
  installSnapshotContents,
  installVolumeSnapshots,
  tokenFor,
} from "./objects.ts";

export interface OrphanBench {
  readonly directory: string;
  readonly plane: ControlPlane;
  /** As system:masters. */
  readonly core: CoreV1Api;
  /** As a controller. */
  readonly api: Api;
  readonly clusterUid: string;
  readonly nodes: readonly [SimulatedNode, SimulatedNode];
  readonly router: RouterBench;
  stop(): Promise<void>;
}

export async function startOrphanBench(): Promise<OrphanBench> {
  const directory = mkdtempSync(join(tmpdir(), "orphans-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  const plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  await installAccounts(plane.admin);
  await installSnapshotContents(plane.admin);
  await installVolumeSnapshots(plane.admin);
  const token = await tokenFor(plane.admin, { account: CONTROLLER_ACCOUNT, audience: "" });
  vi.stubEnv("KUBECONFIG", plane.kubeconfigFor("controller", token));
  const api = connectApi({ version: "test", answered: () => {} });
  const clusterUid = await vi.waitFor(() => readClusterUid(api), { timeout: 30_000, interval: 200 });
  const nodes = [await startNode("node-a", "a"), await startNode("node-b", "b")] as const;
  const router = await startRouter(rosterOf(nodes));
  await untilConnected(router);
  return {
    directory,
    plane,
    core: plane.admin.makeApiClient(CoreV1Api),
    api,
    clusterUid,
    nodes,
    router,
    stop: async () => {
      vi.unstubAllEnvs();
      await router.stop();
      for (const node of nodes) await node.stop();
      await plane.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
