/** Looks at the beginning of every block device of the machine for dmthin's labels. Writes nothing. */
import { parsePoolOfUuid } from "../../core/ids.ts";
import { listBlockDevices } from "../../host/device-list.ts";
import type { ListedDevice } from "../../host/device-list.ts";
import { stableNames } from "../../host/stable-names.ts";
import { DISK_LABEL_FROM } from "../devices/disk-layout.ts";
import type { Label } from "../label.ts";
import { lookForLabel } from "../label-store.ts";
import { uppermost } from "./found-pools.ts";
import type { Find } from "./found-pools.ts";

export interface Flaw {
  readonly path: string;
  readonly reason: string;
}

export interface Scan {
  readonly finds: readonly Find[];
  /** Devices that may be of a pool, and whose label could not be read. */
  readonly flaws: readonly Flaw[];
}

export async function scanForLabels(): Promise<Scan> {
  const names = stableNames();
  const finds: Find[] = [];
  const flaws: Flaw[] = [];
  const devices = listBlockDevices();
  const held = new Set(devices.filter(({ holders }) => holders.length > 0).map((each) => each.kernelName));
  for (const device of devices.filter(mayBeOfAPool)) {
    // Whoever has the whole disk (multipath) shows its partitions as well, and those are the ones to use.
    if (device.disk !== undefined && held.has(device.disk)) continue;
    if (device.dm?.suspended === true) {
      flaws.push({ path: device.path, reason: "is suspended and was not read; resume it and repeat" });
      continue;
    }
    const name = names.get(device.number);
    for (const { from, isRight } of placesOf(device)) {
      const found = await lookForLabel(device.path, from);
      if (found.kind === "flaw") flaws.push({ path: name ?? device.path, reason: found.reason });
      if (found.kind === "label" && isRight(found.label)) finds.push(findOf(device, name, found.label));
    }
  }
  return { finds: uppermost(finds), flaws };
}

/** Not what dmthin itself has made; a loop device only with a file. */
const mayBeOfAPool = ({ kernelName, dm, file }: ListedDevice): boolean =>
  (dm === undefined || parsePoolOfUuid(dm.uuid) === undefined) &&
  (!/^loop\d+$/.test(kernelName) || file !== undefined);

interface Place {
  readonly from: bigint;
  readonly isRight: (label: Label) => boolean;
}

/** A partition that begins where the label of a whole disk lies shows that label at its first byte, and the other way round. */
function placesOf({ disk, size }: ListedDevice): readonly Place[] {
  const atBegin: Place = { from: 0n, isRight: ({ backing }) => backing !== "devices" };
  const isWhole = disk === undefined && size > DISK_LABEL_FROM;
  return isWhole
    ? [atBegin, { from: DISK_LABEL_FROM, isRight: ({ backing }) => backing === "devices" }]
    : [atBegin];
}

const findOf = (
  { kernelName, path, number, size, holders, file }: ListedDevice,
  name: string | undefined,
  label: Label,
): Find => ({
  kernelName,
  device: path,
  number,
  path: name ?? path,
  isStable: name !== undefined,
  size,
  holders,
  label,
  ...(file === undefined ? {} : { file }),
});
