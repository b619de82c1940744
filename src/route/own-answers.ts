/** A node answers for its own objects. One that named another's would have a pod mount what is not its own. */
import { OutcomeUnknownError } from "../core/errors.ts";
import { parseId } from "../core/ids.ts";
import type { Snapshot__Output, Volume__Output, VolumeGroupSnapshot__Output } from "../generated/csi.ts";
import { isHere } from "../csi/topology.ts";
import type { Fleet, FleetNode } from "./fleet.ts";

/**
 * All of these throw OutcomeUnknownError: a pool that was opened a moment ago is in no report yet, and a retry finds it;
 * PoolUnavailableError where another node claims the pool too.
 */
export function requireOwnVolume(fleet: Fleet, node: FleetNode, volume: Volume__Output | null): void {
  requireOwnId(fleet, node, volume?.volume_id ?? "");
  const [topology, ...others] = volume?.accessible_topology ?? [];
  if (topology !== undefined && others.length === 0 && isHere(topology, node.topology)) return;
  throw new OutcomeUnknownError(`node ${node.name} says that ${volume?.volume_id} is on another node`);
}

export function requireOwnSnapshot(fleet: Fleet, node: FleetNode, snapshot: Snapshot__Output | null): void {
  requireOwnId(fleet, node, snapshot?.snapshot_id ?? "");
  requireOwnId(fleet, node, snapshot?.source_volume_id ?? "");
}

export function requireOwnGroup(
  fleet: Fleet,
  node: FleetNode,
  group: VolumeGroupSnapshot__Output | null,
): void {
  requireOwnId(fleet, node, group?.group_snapshot_id ?? "");
  for (const snapshot of group?.snapshots ?? []) requireOwnSnapshot(fleet, node, snapshot);
}

function requireOwnId(fleet: Fleet, node: FleetNode, text: string): void {
  const parsed = parseId(text);
  if (parsed !== undefined && fleet.ownerOf(parsed.pool) === node) return;
  throw new OutcomeUnknownError(
    `node ${node.name} answered with ${text}, which is in no pool it reports; retry`,
  );
}
