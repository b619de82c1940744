/** One disk for all of a pool: its first part is the metadata device (label, catalog, spare, metadata), the rest is data. */
import { run } from "../../support/machine-state.ts";

const METADATA_SECTORS = 2n ** 20n;
const PARTS = ["power-metadata", "power-data"] as const;

/** Makes the two devices of a disk. */
export async function divide(disk: string): Promise<{ readonly metadata: string; readonly data: string }> {
  const sectors = BigInt(await run("blockdev", "--getsz", disk));
  const tables = [
    `0 ${METADATA_SECTORS} linear ${disk} 0`,
    `0 ${sectors - METADATA_SECTORS} linear ${disk} ${METADATA_SECTORS}`,
  ];
  for (const [index, name] of PARTS.entries())
    await run("dmsetup", "create", name, "--table", tables[index] ?? "");
  const [metadata, data] = PARTS;
  return { metadata: `/dev/mapper/${metadata}`, data: `/dev/mapper/${data}` };
}

export async function unite(): Promise<void> {
  for (const name of PARTS) await run("dmsetup", "remove", "--retry", name);
}

/** A device that passes all writes to the disk and logs them. Answers its path. */
export async function logWrites(disk: string, log: string): Promise<string> {
  const sectors = await run("blockdev", "--getsz", disk);
  const name = "power-log";
  await run("dmsetup", "create", name, "--table", `0 ${sectors} log-writes ${disk} ${log}`);
  return `/dev/mapper/${name}`;
}

/** Puts a mark behind all that was durable when the call was made. */
export async function markLog(device: string, mark: number): Promise<void> {
  await run("dmsetup", "message", device, "0", "mark", String(mark));
}
