/** Every block device of the machine, from sysfs: nothing is opened. */
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isDevNumber } from "../core/dm.ts";
import type { DevNumber } from "../core/dm.ts";
import { bytes, SECTOR_BYTES } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { readAttribute } from "./dm-sysfs.ts";

export interface ListedDevice {
  /** As the kernel calls it: `sda1`, `dm-3`. */
  readonly kernelName: string;
  readonly path: string;
  readonly number: DevNumber;
  readonly size: Bytes;
  /** Of a partition: the kernel's name of its disk. */
  readonly disk?: string;
  /** Of an attached loop device, as the kernel shows it. */
  readonly file?: string;
  /** Of a dm device. */
  readonly dm?: { readonly name: string; readonly uuid: string; readonly suspended: boolean };
  /** The kernel's names of what is built on it. */
  readonly holders: readonly string[];
}

/** Those that have a size; other trees than the defaults only in tests. */
export function listBlockDevices(sys = "/sys", dev = "/dev"): readonly ListedDevice[] {
  const directory = `${sys}/class/block`;
  return readdirSync(directory)
    .toSorted()
    .flatMap((entry) => describe(`${directory}/${entry}`, entry, dev));
}

function describe(directory: string, kernelName: string, dev: string): readonly ListedDevice[] {
  const [number, sectors] = ["dev", "size"].map((name) => readAttribute(`${directory}/${name}`));
  if (number === undefined || sectors === undefined || !isDevNumber(number) || sectors === "0") return [];
  const [name, uuid, suspended] = ["name", "uuid", "suspended"].map((each) =>
    readAttribute(`${directory}/dm/${each}`),
  );
  const isPartition = readAttribute(`${directory}/partition`) !== undefined;
  const file = readAttribute(`${directory}/loop/backing_file`);
  return [
    {
      kernelName,
      // Of a name with a slash in it, such as cciss/c0d0, sysfs makes an exclamation mark.
      path: `${dev}/${kernelName.replaceAll("!", "/")}`,
      number,
      size: bytes(BigInt(sectors) * SECTOR_BYTES),
      holders: entries(`${directory}/holders`),
      // A partition's directory lies in that of its disk.
      ...(isPartition ? { disk: basename(dirname(readlinkSync(directory))) } : {}),
      ...(file === undefined ? {} : { file }),
      ...(name === undefined || uuid === undefined
        ? {}
        : { dm: { name, uuid, suspended: suspended === "1" } }),
    },
  ];
}

const entries = (directory: string): readonly string[] =>
  statSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
