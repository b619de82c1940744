/** Discards of a range: of a device that nobody uses, and of what a mounted filesystem has free. util-linux. */
import { ParseError } from "../core/errors.ts";
import { bytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "./run.ts";

export interface ByteRange {
  readonly offset: Bytes;
  readonly length: Bytes;
}

/** A disk that has not answered by then is stuck; the slice counts as failed. */
const TIMEOUT_MS = 60_000;

/** The content of the range is gone afterwards. Refused by the tool where anybody has the device open for himself. */
export async function discardRange(
  runner: Runner,
  device: string,
  { offset, length }: ByteRange,
): Promise<void> {
  const range = ["--offset", String(offset), "--length", String(length)];
  await runner.run("blkdiscard", [...range, device], { timeoutMs: TIMEOUT_MS });
}

/** Of a trim: absent `length`: to the end of the filesystem. */
export interface TrimRange {
  readonly offset: Bytes;
  readonly length?: Bytes;
  /** Free space in smaller pieces is left alone. */
  readonly least: Bytes;
}

const TRIMMED = /\((\d{1,20}) bytes\) trimmed\s*$/;

/**
 * Discards what the filesystem mounted there has free (FITRIM). Answers how much that was by its own account: xfs and btrfs
 * count all of it each time, ext4 what it has not trimmed before. Aborted, it stops wherever it is.
 */
export async function trimRange(
  runner: Runner,
  mountPoint: string,
  { offset, length, least }: TrimRange,
  signal: AbortSignal,
): Promise<Bytes> {
  const range = ["--offset", String(offset), ...(length === undefined ? [] : ["--length", String(length)])];
  const args = ["--verbose", ...range, "--minimum", String(least), mountPoint];
  const { stdout } = await runner.run("fstrim", args, { timeoutMs: TIMEOUT_MS, signal });
  const [, amount] = TRIMMED.exec(stdout) ?? [];
  if (amount === undefined) throw new ParseError("fstrim", "text", stdout.slice(0, 200), "(… bytes) trimmed");
  return bytes(BigInt(amount));
}
