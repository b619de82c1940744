/** Where volumes are: one node, one topology key. */
import { NoRoomError } from "../core/errors.ts";
import { TOPOLOGY_KEY } from "../core/ids.ts";
import type { Topology, Topology__Output, TopologyRequirement__Output } from "../generated/csi.ts";

/** This node's segment. `value` comes from `topologyValue`. */
export const topologyOf = (value: string): Topology => ({ segments: { [TOPOLOGY_KEY]: value } });

/** A topology with other keys, or without ours, is another place. CSI compares keys without case. */
export function isHere(topology: Topology__Output, value: string): boolean {
  const segments = Object.entries(topology.segments);
  return (
    segments.length === 1 && segments.every(([key, at]) => key.toLowerCase() === TOPOLOGY_KEY && at === value)
  );
}

/**
 * Throws NoRoomError where the volume must be elsewhere: csi-provisioner then looks for another node. Without
 * requirements, and with an empty `requisite`, here is as good as anywhere.
 */
export function requireHere(requirements: TopologyRequirement__Output | null, value: string): void {
  const requisite = requirements?.requisite ?? [];
  if (requisite.length === 0 || requisite.some((topology) => isHere(topology, value))) return;
  throw new NoRoomError(
    `accessibility_requirements.requisite does not allow ${TOPOLOGY_KEY}=${value}, which is this node`,
  );
}
