/** What the scheduler is told of the room in pools. */
import type { V1CSIStorageCapacity } from "@kubernetes/client-node";

import { TOPOLOGY_KEY } from "../../../../src/core/ids.ts";
import { bytesOf } from "./content.ts";
import type { World } from "./world.ts";

/** The largest volume that the scheduler thinks can be had on that node, once that is known: of the small pool. */
export function roomOn(world: World, node: string): Promise<bigint> {
  const topology = world.cluster.nodes.find(({ name }) => name === node)?.topology;
  return world.phase("other waits", () =>
    world.kubectl.watch<V1CSIStorageCapacity, bigint>({
      get: ["csistoragecapacities", "--all-namespaces"],
      what: `the capacity of the small pool on ${node}`,
      judge: (capacities) => {
        const found = capacities.find(
          ({ storageClassName, nodeTopology }) =>
            storageClassName === world.classes.small &&
            nodeTopology?.matchLabels?.[TOPOLOGY_KEY] === topology,
        );
        const quantity = found?.maximumVolumeSize ?? found?.capacity;
        return quantity === undefined ? undefined : bytesOf(quantity);
      },
    }),
  );
}
