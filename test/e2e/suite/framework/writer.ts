/** A pod that appends numbered records, each with fsync, and ends at the first error: what it printed was confirmed. */
import { setTimeout as sleep } from "node:timers/promises";

import { DEVICE_PATH, MOUNT_PATH, type PodOptions } from "./manifests.ts";
import { startPod } from "./pods.ts";
import { expect, type World } from "./world.ts";

const LOG = `${MOUNT_PATH}/records`;

/** A record has its number and the second it was written in. Printed after the fsync. A pod that comes back goes on counting. */
const APPEND = `
i=0; [ -f "$1" ] && i=$(awk 'END { print NR }' "$1")
while :; do
  i=$((i + 1)); line="$i $(date +%s)"
  printf '%s\\n' "$line" | dd of="$1" oflag=append conv=notrunc,fsync 2>/dev/null || { echo "failed at $i"; exit 1; }
  echo "$line"
done`;
/** Likewise with the block of that number of a device. */
const OVERWRITE = `
i=0
while :; do
  i=$((i + 1)); line="$i $(date +%s)"
  printf '%-511s\\n' "$line" | dd of="$1" bs=512 count=1 seek="$i" conv=notrunc,fsync 2>/dev/null || { echo "failed at $i"; exit 1; }
  echo "$line"
done`;
const READ_BLOCKS = `dd if="$1" bs=512 skip=1 count="$2" 2>/dev/null`;

export type WriterOptions = Omit<PodOptions, "image" | "command">;

export const writerCommand = (block = false): readonly string[] =>
  block ? ["sh", "-c", OVERWRITE, "sh", DEVICE_PATH] : ["sh", "-c", APPEND, "sh", LOG];

export async function startWriter(world: World, options: WriterOptions): Promise<void> {
  await startPod(world, { ...options, command: writerCommand(options.block) });
  await untilWritten(world, options.name, 1);
}

export interface Written {
  /** Number of the last record that was confirmed. */
  readonly last: number;
  /** The longest time between two records, in whole seconds. */
  readonly longestGapS: number;
}

/** What the pod has confirmed up to now. Throws where it met an error. */
export async function writtenBy(world: World, pod: string): Promise<Written> {
  const text = await world.logs(pod);
  const lines = text.trimEnd().split("\n");
  expect(!text.includes("failed at"), `the writer ${pod} met an error: ${lines.slice(-3).join("; ")}`);
  return judgeRecords(lines);
}

/** Throws where a record is missing or out of its order; the first may have any number. */
export function judgeRecords(lines: readonly string[]): Written {
  let longestGapS = 0;
  let before: { readonly number: number; readonly second: number } | undefined;
  for (const line of lines.filter((each) => each.trim() !== "")) {
    const [number = Number.NaN, second = Number.NaN] = line.trim().split(/\s+/).map(Number);
    expect(
      Number.isInteger(number) && Number.isInteger(second),
      `not a record: ${JSON.stringify(line.slice(0, 80))}`,
    );
    if (before !== undefined) {
      expect(
        number === before.number + 1,
        `record ${before.number + 1} is missing: ${number} comes after ${before.number}`,
      );
      longestGapS = Math.max(longestGapS, second - before.second);
    }
    before = { number, second };
  }
  return { last: before?.number ?? 0, longestGapS };
}

/** Waits until so many records were confirmed; follows the pod's log. */
export async function untilWritten(
  world: World,
  pod: string,
  number: number,
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const { last } = await writtenBy(world, pod);
    if (last >= number) return;
    expect(
      performance.now() < end,
      `${pod} has written ${last} records after ${timeoutMs / 1000} s, ${number} expected`,
    );
    await sleep(500);
  }
}

/** Waits for some more records than there are now: it writes still. */
export async function untilWritesGoOn(world: World, pod: string, more = 3): Promise<Written> {
  const { last } = await writtenBy(world, pod);
  await untilWritten(world, pod, last + more);
  return writtenBy(world, pod);
}

/** Records of a volume that `reader` has mounted, or has as its device: all of them from the first, at least up to `atLeast`. */
export async function expectRecords(
  world: World,
  reader: string,
  atLeast: number,
  { block = false } = {},
): Promise<number> {
  const argv = block ? ["sh", "-c", READ_BLOCKS, "sh", DEVICE_PATH, String(atLeast)] : ["cat", LOG];
  const lines = (await world.exec(reader, argv)).split("\n");
  expect(lines[0]?.startsWith("1 ") === true, `the first record in ${reader} is ${lines[0]?.slice(0, 40)}`);
  const { last } = judgeRecords(lines);
  expect(last >= atLeast, `${reader} sees ${last} records, ${atLeast} were confirmed by fsync`);
  return last;
}
