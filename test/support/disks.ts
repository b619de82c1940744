/** What tests of whole disks look at: the disks themselves. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readlinkSync, readSync, writeSync } from "node:fs";
import { MIB } from "../../src/core/units.ts";
import { createRunner } from "../../src/host/run.ts";
import { readPartitionTable } from "../../src/host/sfdisk.ts";
import { describeBlockDevice } from "../../src/host/block-device.ts";
import { findTools } from "../../src/host/tools.ts";

/** Behind a link of PoolBench. */
export const node = (link: string): string => readlinkSync(link);

/** Of the first three MiB and the last. */
export async function digest(path: string): Promise<string> {
  const { size } = await describeBlockDevice(path);
  const hash = createHash("sha256");
  const fd = openSync(path, "r");
  for (const offset of [0n, MIB, 2n * MIB, size - MIB]) {
    const block = Buffer.alloc(Number(MIB));
    readSync(fd, block, 0, block.length, Number(offset));
    hash.update(block);
  }
  closeSync(fd);
  return hash.digest("hex");
}

export function writeAt(path: string, offset: number, text: string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, text, offset);
  closeSync(fd);
}

/** `name start+size` in MiB. */
export async function tableOn(path: string): Promise<readonly string[]> {
  const table = await readPartitionTable(createRunner(findTools()), node(path));
  return (table?.partitions ?? []).map(({ name, start, size }) => `${name} ${start / MIB}+${size / MIB}`);
}

/** Of the two disks that PoolBench gives a pool. */
export const TABLES = [
  [
    "dmthin-bench-catalog 1+129",
    "dmthin-bench-metadata 130+4",
    "dmthin-bench-spare 134+4",
    "dmthin-bench-data 138+101",
  ],
  ["dmthin-bench-data 1+157"],
];
