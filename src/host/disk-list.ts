/** The whole disks of the machine, with what they can be told by: from sysfs and udev's links, nothing is opened. */
import { readdirSync, realpathSync } from "node:fs";
import { listBlockDevices } from "./device-list.ts";
import type { ListedDevice } from "./device-list.ts";
import { readAttribute } from "./dm-sysfs.ts";
import { identities, stableNames } from "./stable-names.ts";

export interface ListedDisk extends Pick<ListedDevice, "kernelName" | "number" | "size"> {
  /** The device's own node. */
  readonly node: string;
  /** The name that is the same after a reboot, where it has one; else the node. */
  readonly path: string;
  /** As the hardware says it; absent: it does not. */
  readonly model?: string;
  /** Names in /dev/disk/by-id. */
  readonly ids: readonly string[];
  readonly isRemovable: boolean;
  /** Why it is no disk of its own, in words that follow its name; absent: it is one. */
  readonly otherwise?: string;
}

/** Kernel names of what is no disk, although it may look like one. */
const KINDS: readonly (readonly [name: RegExp, what: string])[] = [
  [/^dm-\d+$/, "is a device-mapper device"],
  [/^md(?:\d|_)/, "is an array (md)"],
  [/^loop\d+$/, "is a loop device"],
  [/^(?:z?ram|brd)\d+$/, "is a RAM disk"],
  [/^(?:sr|scd|fd)\d+$/, "is a drive for removable media"],
  [/^(?:nbd|rbd|drbd|rnbd|zd)\d+$/, "is a device of software, not of hardware"],
  [/^mtdblock|^mmcblk\d+(?:boot\d+|rpmb|gp\d+)$/, "is flash memory of the board, not a disk"],
];

/** Partitions are not listed. Other trees than the defaults only in tests. */
export function listDisks(sys = "/sys", dev = "/dev"): readonly ListedDisk[] {
  const ids = identities(dev);
  const names = stableNames(dev);
  return listBlockDevices(sys, dev)
    .filter(({ disk }) => disk === undefined)
    .map((device) =>
      describe(device, `${sys}/class/block/${device.kernelName}`, {
        path: names.get(device.number) ?? device.path,
        ids: ids.get(device.number) ?? [],
      }),
    );
}

function describe(
  { kernelName, number, size, path: node }: ListedDevice,
  directory: string,
  { path, ids }: Pick<ListedDisk, "path" | "ids">,
): ListedDisk {
  // Of MMC cards the kernel calls it a name.
  const model = ["model", "name"]
    .map((each) => readAttribute(`${directory}/device/${each}`)?.trim())
    .find((text) => text !== undefined && text !== "");
  const otherwise = otherThanDisk(kernelName, directory);
  return {
    kernelName,
    number,
    size,
    node,
    path,
    ids,
    isRemovable: readAttribute(`${directory}/removable`) === "1",
    ...(model === undefined ? {} : { model }),
    ...(otherwise === undefined ? {} : { otherwise }),
  };
}

function otherThanDisk(kernelName: string, directory: string): string | undefined {
  const [, what] = KINDS.find(([name]) => name.test(kernelName)) ?? [];
  if (what !== undefined) return what;
  // The kernel's own word that there is something behind it.
  const device = hardwareOf(directory);
  return device === undefined ? "has no hardware that the kernel knows of" : networkOf(device);
}

function hardwareOf(directory: string): string | undefined {
  try {
    return realpathSync(`${directory}/device`);
  } catch {
    return undefined;
  }
}

/** Where a disk is reached over a network another machine may have it too. `device`: its directory in sysfs. */
function networkOf(device: string): string | undefined {
  if (/\/session\d+\//.test(device)) return "is reached over iSCSI: another machine may have it too";
  if (/\/rport-[^/]+\//.test(device)) return "is reached over Fibre Channel: another machine may have it too";
  // Of NVMe: its controller, or with multipath a subsystem that lists its controllers.
  const controllers = readdirSync(device).filter((name) => /^nvme\d+$/.test(name));
  const transports = [device, ...controllers.map((name) => `${device}/${name}`)].flatMap(
    (each) => readAttribute(`${each}/transport`)?.trim() ?? [],
  );
  const far = transports.find((transport) => transport !== "pcie");
  return far === undefined ? undefined : `is reached over NVMe/${far}: another machine may have it too`;
}
