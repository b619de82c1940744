/** A volume group's description with more thin volumes in it, as vgcfgrestore reads it. Pure. */

/** LVM's ids: groups of letters and digits of these lengths. */
const GROUPS = [6, 4, 4, 4, 4, 4, 6];

function uuidOf(number: number): string {
  const digits = `bench${number.toString(36).padStart(27, "0")}`;
  let from = 0;
  return GROUPS.map((length) => digits.slice(from, (from += length))).join("-");
}

/** `fab0`, `fab1`, …, of device ids that the pool does not use itself. Inactive, so the pool need not have their thins. */
function volume(number: number, pool: string, firstDeviceId: number, extents: number): string {
  return `
fab${number} {
id = "${uuidOf(number)}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = 1700000000
creation_host = "bench"
segment_count = 1
segment1 {
start_extent = 0
extent_count = ${extents}
type = "thin"
thin_pool = "${pool}"
transaction_id = 0
device_id = ${firstDeviceId + number}
}
}
`;
}

export interface Fabricated {
  readonly count: number;
  readonly pool: string;
  readonly firstDeviceId: number;
  /** Of each, in extents of the group. */
  readonly extents: number;
}

/** `description`: what vgcfgbackup writes. RangeError where it has no list of logical volumes. */
export function withVolumes(
  description: string,
  { count, pool, firstDeviceId, extents }: Fabricated,
): string {
  const list = /^\s*logical_volumes \{$/m;
  if (!list.test(description)) throw new RangeError("the description has no logical volumes");
  const volumes = Array.from({ length: count }, (_one, number) =>
    volume(number, pool, firstDeviceId, extents),
  );
  return description.replace(list, (line) => `${line}\n${volumes.join("")}`);
}

/** Whether LVM takes a text for an id. */
export const isLvmId = (text: string): boolean =>
  text.split("-").every((group, index) => group.length === GROUPS[index] && /^[0-9a-z]+$/.test(group)) &&
  text.split("-").length === GROUPS.length;
