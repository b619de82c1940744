import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import type { CreateVolumeRequest } from "../../src/generated/csi.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "./fleet-bench.ts";
import { createVolumeRequest } from "./requests.ts";

/** A router with `node-a` and `node-b`, each with a pool `fast`. */
export interface TwoNodes {
  readonly a: SimulatedNode;
  readonly b: SimulatedNode;
  readonly router: RouterBench;
  /** The id of the volume. */
  create(request: CreateVolumeRequest): Promise<string>;
  /** Ends a node; until the router knows. */
  away(node: SimulatedNode): Promise<void>;
  stop(): Promise<void>;
}

export async function startTwoNodes(): Promise<TwoNodes> {
  const [a, b] = await Promise.all([startNode("node-a", "a"), startNode("node-b", "b")]);
  const router = await startRouter(rosterOf([a, b]));
  await untilConnected(router);
  return {
    a,
    b,
    router,
    create: async (request) => {
      const { volume } = await router.client.controller.createVolume(request);
      return volume?.volume_id ?? "";
    },
    away: async (node) => {
      await node.stop();
      await until(() =>
        router.fleet.nodes.some(({ name, view }) => name === node.name && view === undefined),
      );
    },
    stop: async () => {
      await router.stop();
      await Promise.all([a.stop(), b.stop()]);
    },
  };
}

export const topology = (node: string) => ({ segments: { [TOPOLOGY_KEY]: node } });

/** As csi-provisioner sends it for a pod on that node: every node may have it, this one comes first. */
export const preferring = (node: string, changes: CreateVolumeRequest = {}): CreateVolumeRequest =>
  createVolumeRequest({
    accessibility_requirements: {
      requisite: [topology("node-a"), topology("node-b")],
      preferred: [topology(node), topology(node === "node-a" ? "node-b" : "node-a")],
    },
    ...changes,
  });

export const namesOf = ({ pool }: SimulatedNode): readonly string[] => pool.volumes().map(({ name }) => name);
