/** A device whose disk takes no more writes, for as long as a test wants it. */
import { rm, writeFile } from "node:fs/promises";

import { run } from "./machine-state.ts";

/** Of a linear device: all writes fail, but those of its first 4 KiB, from now until what is answered is called. */
export async function refuseWrites(device: string): Promise<() => Promise<void>> {
  const table = await run("dmsetup", "table", device);
  const [, length = "", , on = "", from = ""] = table.split(" ");
  const rest = `8 ${Number(length) - 8} flakey ${on} ${Number(from) + 8} 0 100 1 error_writes`;
  await swapTable(device, `0 8 linear ${on} ${from}\n${rest}\n`);
  return () => swapTable(device, `${table}\n`);
}

async function swapTable(device: string, table: string): Promise<void> {
  const file = `/run/${device}.table`;
  await writeFile(file, table);
  await run("dmsetup", "suspend", "--noflush", "--nolockfs", device);
  await run("dmsetup", "load", device, file);
  await run("dmsetup", "resume", device);
  await rm(file);
}
