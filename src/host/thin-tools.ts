/** thin-provisioning-tools, 0.9 and 1.x: what the pool's metadata lists, and whether it is sound. */
import type { ThinListing, ThinSpace } from "../core/dm.ts";
import { errnoOf, ParseError, ToolError } from "../core/errors.ts";
import { type DmName, MAX_THIN_ID, thinId } from "../core/ids.ts";
import { dataBlocks } from "../core/units.ts";
import type { Dmsetup } from "./dmsetup.ts";
import { errnoFrom } from "./errno.ts";
import type { Runner } from "./run.ts";

const ROW = /^\s*(\d{1,8})\s+(\d{1,20})\s+(\d{1,20})\s*$/;

/** Rows of `thin_ls --no-headers -o DEV,MAPPED_BLOCKS,TRANSACTION`. Throws ParseError. */
export function parseThinLs(text: string): readonly ThinListing[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, id, mapped, transaction] = ROW.exec(line) ?? [];
    if (id === undefined || mapped === undefined || transaction === undefined || Number(id) > MAX_THIN_ID) {
      throw new ParseError("thin_ls", "row", line, "thin id, mapped blocks, transaction id");
    }
    return {
      thinId: thinId(Number(id)),
      mapped: dataBlocks(BigInt(mapped)),
      transaction: BigInt(transaction),
    };
  });
}

/**
 * The thins of a pool. An active pool's metadata needs a metadata snapshot (`withMetadataSnapshot`, `live: true`): read
 * without one, the tool is refused (EBUSY) or sees a moving tree. Walks the device tree only for these three columns.
 */
export async function listThins(
  runner: Runner,
  metadataPath: string,
  options: { readonly live: boolean },
): Promise<readonly ThinListing[]> {
  const snapshot = options.live ? ["--metadata-snap"] : [];
  const args = [...snapshot, "--no-headers", "--format", "DEV,MAPPED_BLOCKS,TRANSACTION", metadataPath];
  return parseThinLs((await runner.run("thin_ls", args)).stdout);
}

/** Rows of `thin_ls --no-headers -o DEV,MAPPED_BLOCKS,EXCLUSIVE_BLOCKS`. Throws ParseError. */
export function parseThinSpace(text: string): readonly ThinSpace[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, id, mapped, exclusive] = ROW.exec(line) ?? [];
    if (id === undefined || mapped === undefined || exclusive === undefined || Number(id) > MAX_THIN_ID)
      throw new ParseError("thin_ls", "row", line, "thin id, mapped blocks, exclusive blocks");
    return {
      thinId: thinId(Number(id)),
      mapped: dataBlocks(BigInt(mapped)),
      exclusive: dataBlocks(BigInt(exclusive)),
    };
  });
}

/**
 * Which blocks belong to one thin alone, of an active pool that holds a metadata snapshot. Walks all mappings: about 10 s
 * and 30 MB for 2 TiB mapped in blocks of 64 KiB. ToolError ETIMEDOUT at the deadline.
 */
export async function measureThins(
  runner: Runner,
  metadataPath: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<readonly ThinSpace[]> {
  const columns = ["--no-headers", "--format", "DEV,MAPPED_BLOCKS,EXCLUSIVE_BLOCKS"];
  const args = ["--metadata-snap", ...columns, metadataPath];
  return parseThinSpace((await runner.run("thin_ls", args, options)).stdout);
}

/**
 * Runs `work` while the pool holds a metadata snapshot for it. The pool must be ours alone: a snapshot found there is a
 * leftover of our own crash and is replaced.
 */
export async function withMetadataSnapshot<T>(
  dmsetup: Pick<Dmsetup, "message">,
  pool: DmName,
  work: () => Promise<T>,
): Promise<T> {
  await reserve(dmsetup, pool);
  try {
    return await work();
  } finally {
    await dmsetup.message(pool, "release_metadata_snap");
  }
}

async function reserve(dmsetup: Pick<Dmsetup, "message">, pool: DmName): Promise<void> {
  try {
    await dmsetup.message(pool, "reserve_metadata_snap");
  } catch (error) {
    if (errnoOf(error) !== "EBUSY") throw error;
    await dmsetup.message(pool, "release_metadata_snap");
    await dmsetup.message(pool, "reserve_metadata_snap");
  }
}

export type MetadataCheck =
  | { readonly kind: "sound" }
  | {
      readonly kind: "damaged";
      /** The tool's words. */
      readonly report: string;
      /** Devices and mappings are whole; only the counts of who uses which block are not. */
      readonly treesSound: boolean;
    };

export interface CheckOptions {
  /** Only the device tree and space maps of the superblock: bounded time on large pools. */
  readonly skipMappings?: boolean;
  /** Repairs leaked blocks and trivial faults. */
  readonly autoRepair?: boolean;
  /** Clears the pool's needs_check flag after a sound result. Not with `skipMappings`: 1.x then clears it unchecked. */
  readonly clearNeedsCheck?: boolean;
  /** Of an active pool that holds a metadata snapshot: devices and mappings of that moment, no space maps. */
  readonly live?: boolean;
}

/** 0.9, and 1.x for what it was asked; 1.x for what it found. Neither tells bad metadata from metadata it cannot reach. */
const FAILURES: readonly number[] = [1, 64];
/** What 1.x and 0.9 say when they get to the last stage: the trees have passed by then. */
const TREES_PASSED = /^(?:data space map|checking space map counts)$/m;
const UNREACHABLE = /^Couldn't (?:find|stat|open|read)\b/m;

/** thin_check on metadata that no active pool uses. Rejects with ToolError where it cannot be read: that is not damage. */
export async function checkMetadata(
  runner: Runner,
  metadataPath: string,
  options: CheckOptions = {},
): Promise<MetadataCheck> {
  if (options.skipMappings === true && options.clearNeedsCheck === true)
    throw new RangeError("needs_check is cleared after a full check only");
  const flags = [
    ...(options.skipMappings === true ? ["--skip-mappings"] : []),
    ...(options.autoRepair === true ? ["--auto-repair"] : []),
    ...(options.clearNeedsCheck === true ? ["--clear-needs-check-flag"] : []),
    ...(options.live === true ? ["--metadata-snap"] : []),
  ];
  const args = [...flags, metadataPath];
  const { exitCode, stdout, stderr } = await runner.run("thin_check", args, { accept: [0, ...FAILURES] });
  if (exitCode === 0) return { kind: "sound" };
  const errno = errnoFrom(stderr);
  if (errno !== undefined || UNREACHABLE.test(stderr)) {
    throw new ToolError({ argv: ["thin_check", ...args], exitCode, stderr, errno });
  }
  const report = `${stdout}${stderr}`.trim();
  return { kind: "damaged", report, treesSound: TREES_PASSED.test(report) };
}
