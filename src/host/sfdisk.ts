/** Partition tables: read as JSON, written as a script on standard input. The kernel is not asked to read them again. */
import { z } from "zod";

import { ParseError, ToolError } from "../core/errors.ts";
import { bytes, MIB } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "./run.ts";

export interface Partition {
  /** Of GPT; empty where the table has no names. */
  readonly name: string;
  readonly start: Bytes;
  readonly size: Bytes;
}

export interface PartitionTable {
  /** `gpt`, `dos`, … */
  readonly label: string;
  /** `id`: of GPT, in capitals. */
  readonly partitions: readonly (Partition & { readonly id?: string })[];
}

/** What is written: GPT, each partition with its identifier. Starts and sizes are whole MiB. */
export interface NewTable {
  readonly id: string;
  readonly partitions: readonly (Partition & { readonly id: string })[];
}

/** "Linux reserved": no tool looks for a filesystem or for swap in it. */
const TYPE = "8DA63339-0007-60C0-C436-083AC8230908";
const READ_TIMEOUT_MS = 30_000;
const NO_TABLE = /does not contain a recognized partition table/;

/** Undefined where there is none. Of a damaged GPT the copy at the disk's end counts. Rejects with ToolError, ParseError. */
export async function readPartitionTable(runner: Runner, path: string): Promise<PartitionTable | undefined> {
  const args = ["--json", path];
  const { exitCode, stdout, stderr } = await runner.run("sfdisk", args, {
    accept: [0, 1],
    timeoutMs: READ_TIMEOUT_MS,
  });
  if (exitCode === 0) return parsePartitionTable(stdout);
  if (NO_TABLE.test(stderr)) return undefined;
  throw new ToolError({ argv: ["sfdisk", ...args], exitCode, stderr });
}

/**
 * Replaces the table, on the medium when it resolves. The disk may be in use: what stands on it goes by its own table, and
 * partitions that the kernel knows stay as they are until it reads them again. Signatures are not touched.
 */
export async function writePartitionTable(runner: Runner, path: string, table: NewTable): Promise<void> {
  const args = ["--quiet", "--no-reread", "--no-tell-kernel", "--wipe=never", "--wipe-partitions=never"];
  await runner.run("sfdisk", [...args, path], { input: formatScript(table) });
}

/** Sizes with a unit: a disk may have sectors of 4 KiB. */
export function formatScript({ id, partitions }: NewTable): string {
  const lines = partitions.map(
    (each) =>
      `start=${mebibytes(each.start)}, size=${mebibytes(each.size)}, type=${TYPE}, uuid=${each.id}, name="${each.name}"`,
  );
  return ["label: gpt", `label-id: ${id}`, ...lines, ""].join("\n");
}

function mebibytes(size: Bytes): string {
  if (size % MIB !== 0n) throw new RangeError(`${size} bytes are no whole MiB`);
  return `${size / MIB}MiB`;
}

const natural = z.int().nonnegative();

const DUMP = z.object({
  partitiontable: z.object({
    label: z.string(),
    sectorsize: natural.default(512),
    partitions: z
      .array(
        z.object({
          start: natural,
          size: natural,
          type: z.string(),
          name: z.string().default(""),
          uuid: z.string().exactOptional(),
        }),
      )
      .default([]),
  }),
});

/** Of the DOS table in front of a GPT, which shows where both copies of that GPT are damaged. */
const PROTECTIVE = "ee";

/** Parses `sfdisk --json`; a GPT of which nothing but the protective table is left has no partitions. Throws ParseError. */
export function parsePartitionTable(text: string): PartitionTable {
  const parsed = DUMP.safeParse(readJson(text));
  if (!parsed.success)
    throw new ParseError("sfdisk", z.prettifyError(parsed.error), text.slice(0, 200), "its JSON of a table");
  const { label, sectorsize, partitions } = parsed.data.partitiontable;
  if (label === "dos" && partitions.length === 1 && partitions[0]?.type === PROTECTIVE)
    return { label: "gpt", partitions: [] };
  const size = (count: number): Bytes => bytes(BigInt(count) * BigInt(sectorsize));
  return {
    label,
    partitions: partitions.map(({ name, uuid, ...place }) =>
      identified({ name, start: size(place.start), size: size(place.size) }, uuid),
    ),
  };
}

const identified = (partition: Partition, uuid: string | undefined) =>
  uuid === undefined ? partition : { ...partition, id: uuid.toUpperCase() };

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ParseError("sfdisk", "text", text.slice(0, 200), "JSON");
  }
}
