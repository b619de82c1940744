/** GetCapacity, from the nodes' reports: asked all the time, for every class and node, so it asks nobody. */
import { parseGetCapacity } from "../csi/messages-volume.ts";
import { topologySegment } from "../csi/topology.ts";
import type { GetCapacityRequest__Output, GetCapacityResponse } from "../generated/csi.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import type { NodeView, PoolCapacity } from "./node-view.ts";

const NOTHING: PoolCapacity = { available: 0n, maximumVolume: 0n, minimumVolume: 0n };

/** Of the pool that a class names or leaves to the node; nothing where the node is away, or has no such pool. */
export function roomOf(view: NodeView | undefined, pool: string | undefined): PoolCapacity {
  const found = view?.pools.find(({ name, isDefault }) => (pool === undefined ? isDefault : name === pool));
  return found?.capacity ?? NOTHING;
}

/** What CreateVolume would refuse is 0, not an error. Without a topology: all nodes together. */
export function capacityOf(fleet: Fleet, request: GetCapacityRequest__Output): GetCapacityResponse {
  const { storageClass, possible, topology } = parseGetCapacity(request);
  fleet.requireKnown();
  const nodes = !possible ? [] : topology === null ? fleet.nodes : at(fleet, topologySegment(topology));
  const rooms = nodes.map(({ view }) => roomOf(view, storageClass.pool));
  const maximum =
    rooms
      .map((room) => room.maximumVolume)
      .toSorted(compare)
      .at(-1) ?? 0n;
  const minimum = rooms.flatMap((room) => (room.maximumVolume > 0n ? [room.minimumVolume] : []));
  return {
    available_capacity: String(rooms.reduce((sum, { available }) => sum + available, 0n)),
    maximum_volume_size: { value: String(maximum) },
    minimum_volume_size: { value: String(minimum.toSorted(compare)[0] ?? 0n) },
  };
}

function at(fleet: Fleet, segment: string | undefined): readonly FleetNode[] {
  const node = segment === undefined ? undefined : fleet.at(segment);
  return node === undefined ? [] : [node];
}

const compare = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
