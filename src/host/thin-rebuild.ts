/**
 * New thin metadata out of damaged metadata, always onto another device. Two ways:
 *
 * `salvage` takes each thin as the newest superblock has it: exact, or not at all. thin_repair looks for the newest pair
 * of trees that is whole: where one leaf is damaged that is an older state of *all* thins, without a word about it
 * (seen with thin-provisioning-tools 1.1.0: a thin of another volume came back empty, two were missing, exit status 0).
 */
import { open, rm } from "node:fs/promises";
import { ParseError } from "../core/errors.ts";
import { MAX_THIN_ID, type ThinId, thinId } from "../core/ids.ts";
import { type Bytes, type DataBlocks, dataBlocks, sectorsFromBytes } from "../core/units.ts";
import type { Runner } from "./run.ts";

/** A thin as the tree of devices tells it, whether or not its mappings can be read. */
export interface ThinDetail {
  readonly thinId: ThinId;
  readonly mapped: DataBlocks;
}

/** Failures of thin-provisioning-tools 0.9 and 1.x. */
const FAILURES: readonly number[] = [1, 64];
const DEVICE = /^\s*<device dev_id="(\d{1,8})" mapped_blocks="(\d{1,20})"/;
const MAPPING = /^\s*<(?:single_mapping|range_mapping)\b[^>]*?(?:\blength="(\d{1,20})"[^>]*)?\/>\s*$/;

/** `<device …>` lines of `thin_dump --skip-mappings`. Throws ParseError. */
export function parseThinDetails(xml: string): readonly ThinDetail[] {
  return xml
    .split("\n")
    .filter((line) => line.includes("<device "))
    .map((line) => {
      const [, id, mapped] = DEVICE.exec(line) ?? [];
      if (id === undefined || mapped === undefined || Number(id) > MAX_THIN_ID)
        throw new ParseError("thin_dump", "device", line, "dev_id and mapped_blocks");
      return { thinId: thinId(Number(id)), mapped: dataBlocks(BigInt(mapped)) };
    });
}

/** All thins of the metadata; undefined where superblock or tree of devices cannot be read. */
export async function readThinDetails(
  runner: Runner,
  metadataPath: string,
): Promise<readonly ThinDetail[] | undefined> {
  const args = ["--skip-mappings", metadataPath];
  const { exitCode, stdout } = await runner.run("thin_dump", args, { accept: [0, ...FAILURES] });
  return exitCode === 0 ? parseThinDetails(stdout) : undefined;
}

export interface SalvageRequest {
  readonly from: string;
  readonly to: string;
  readonly thins: readonly ThinDetail[];
  /** For the tables as text, up to 100 bytes a mapping; emptied again. */
  readonly workDirectory: string;
  /** Called before each thin. */
  readonly onThin?: (done: number) => void;
}

/**
 * Writes all thins that can be read to `to`. Answers those; undefined where there is none, or where the tables do not
 * fit on `to` (what snapshots share is written once for each of them): `to` then holds no metadata.
 */
export async function salvage(
  runner: Runner,
  request: SalvageRequest,
): Promise<readonly ThinDetail[] | undefined> {
  const { from, to, thins, workDirectory, onThin } = request;
  const [whole, one] = [`${workDirectory}/whole.xml`, `${workDirectory}/one.xml`];
  const saved: ThinDetail[] = [];
  try {
    await using output = await open(whole, "wx", 0o600);
    for (const [index, thin] of thins.entries()) {
      onThin?.(index);
      await rm(one, { force: true });
      const args = ["--dev-id", `${thin.thinId}`, "--output", one, from];
      const { exitCode } = await runner.run("thin_dump", args, { accept: [0, ...FAILURES] });
      if (exitCode !== 0 || !(await isWhole(one, thin))) continue;
      const first = saved.length === 0;
      await output.appendFile(linesOf(one, first));
      saved.push(thin);
    }
    if (saved.length === 0) return undefined;
    await output.appendFile("</superblock>\n");
    const restored = await runner.run("thin_restore", ["--input", whole, "--output", to], {
      accept: [0, ...FAILURES],
    });
    return restored.exitCode === 0 ? saved : undefined;
  } finally {
    for (const path of [whole, one]) await rm(path, { force: true });
  }
}

/** Whether the text has this one device, with as many blocks as the tree of devices says. */
async function isWhole(path: string, { thinId: id, mapped }: ThinDetail): Promise<boolean> {
  await using file = await open(path);
  let sum = 0n;
  let found = false;
  for await (const line of file.readLines()) {
    if (line.includes("<def ") || line.includes("<ref ")) return false;
    const device = DEVICE.exec(line);
    if (device !== null) found = Number(device[1]) === id;
    const mapping = MAPPING.exec(line);
    if (mapping !== null) sum += BigInt(mapping[1] ?? 1n);
  }
  return found && sum === mapped;
}

/** The device and its mappings; `head`: with the line of the superblock before them. */
async function* linesOf(path: string, head: boolean): AsyncGenerator<string> {
  await using file = await open(path);
  for await (const line of file.readLines()) {
    const text = line.replace("</superblock>", "");
    if (text.trim() === "" || (text.includes("<superblock ") && !head)) continue;
    yield `${text}\n`;
  }
}

export interface RepairRequest {
  readonly from: string;
  readonly to: string;
  /** Where the superblock is lost: what it said. */
  readonly lost?: {
    readonly blockSize: Bytes;
    readonly dataBlocks: bigint;
    /** Unknown: thin_repair guesses. */
    readonly transactionId?: bigint;
  };
}

/** thin_repair. Undefined: done; else the tool's words, and `to` holds no metadata. */
export async function repairMetadata(
  runner: Runner,
  { from, to, lost }: RepairRequest,
): Promise<string | undefined> {
  const told: string[] = [];
  if (lost !== undefined) {
    told.push("--data-block-size", `${sectorsFromBytes(lost.blockSize)}`);
    told.push("--nr-data-blocks", `${lost.dataBlocks}`);
    if (lost.transactionId !== undefined) told.push("--transaction-id", `${lost.transactionId}`);
  }
  const args = [...told, "--input", from, "--output", to];
  const { exitCode, stdout, stderr } = await runner.run("thin_repair", args, { accept: [0, ...FAILURES] });
  return exitCode === 0 ? undefined : `${stdout}${stderr}`.trim() || "thin_repair failed without a word";
}
