/** Discards of a range: of a device that nobody uses, and of what a mounted filesystem has free. util-linux. */
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
