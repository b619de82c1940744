/** Where volumes are: one node, one topology key. */
import { NoRoomError } from "../core/errors.ts";
import { TOPOLOGY_KEY } from "../core/ids.ts";
import type { Topology, Topology__Output, TopologyRequirement__Output } from "../generated/csi.ts";

/** This node's segment. `value` comes from `topologyValue`. */
export const topologyOf = (value: string): Topology => ({ segments: { [TOPOLOGY_KEY]: value } });

/** The segment of a node of ours; undefined for other keys, or without ours. CSI compares keys without case. */
export function topologySegment(topology: Topology__Output): string | undefined {
  const [first, ...others] = Object.entries(topology.segments);
  if (first === undefined || others.length > 0 || first[0].toLowerCase() !== TOPOLOGY_KEY) return undefined;
  return first[1];
}

/** A topology with other keys, or without ours, is another place. */
export const isHere = (topology: Topology__Output, value: string): boolean =>
  topologySegment(topology) === value;

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
