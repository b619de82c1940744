/** A look into a volume after a crash: mounted as kubelet does it, read, unmounted, and checked by its filesystem's own tool. */
import { open, constants, type FileHandle } from "node:fs/promises";

import { run } from "../../support/machine-state.ts";
import type { Content, TestVolume, VolumeLife } from "../../support/volume-life.ts";
import type { PromiseNumber } from "../case.ts";
import type { Findings } from "./findings.ts";
import type { Stream } from "./model.ts";
import { judgeArea, readArea, RecordFile, type Found } from "./record.ts";
import { openPlace, placeOf, type Place } from "./writer.ts";

export interface Inspected {
  readonly volume: TestVolume;
  /** All that it must hold, the oldest writer first. */
  readonly streams: readonly Stream[];
  /** For messages. */
  readonly what: string;
  /** Its last stream is its own: one more record is written to it, as proof that it can be written to. */
  readonly writable: boolean;
}

/** Answers how many records of each stream were found. */
export async function inspect(
  life: VolumeLife,
  findings: Findings,
  inspected: Inspected,
): Promise<ReadonlyMap<string, number>> {
  const { volume, what } = inspected;
  const counts = new Map<string, number>();
  const done = await findings.attempt(2, `${what} cannot be used`, async () => {
    await life.use(volume);
    await readAll(findings, inspected, counts);
    const table = await run("dmsetup", "table", volume.device);
    const length = BigInt(table.split(" ")[1] ?? 0) * 512n;
    findings.expect(
      2,
      length === volume.size,
      `${what}: its device has ${length} bytes, its record ${volume.size}`,
    );
    await life.release(volume);
    return table;
  });
  const { content } = volume;
  if (done !== undefined && content !== "block")
    await findings.attempt(2, `${what}: ${content} is damaged`, () => checkFilesystem(content, done));
  return counts;
}

async function readAll(findings: Findings, inspected: Inspected, counts: Map<string, number>): Promise<void> {
  const { volume, streams, what, writable } = inspected;
  for (const [ancestors, stream] of streams.entries()) {
    const place = placeOf(volume, stream.writer, ancestors);
    const found = await readPlace(place, stream.writer);
    const own = writable && ancestors === streams.length - 1;
    judge(findings, `${what}, records of ${stream.writer}`, stream, found, own ? 2 : 3);
    counts.set(stream.writer, found.count);
    if (!own) continue;
    const records = new RecordFile(await openPlace(place), place.base, stream.writer);
    await records.write(found.count, "fsync");
    await records.close();
    const after = await readPlace(place, stream.writer);
    const grown = after.count === found.count + 1 && after.problems.length === 0;
    findings.expect(2, grown, `${what}: wrote record ${found.count}, then found ${after.count}`);
  }
}

function judge(
  findings: Findings,
  what: string,
  { least, most }: Stream,
  found: Found,
  order: PromiseNumber,
): void {
  const { count, problems } = found;
  findings.expect(2, count >= least, `${what}: ${count} are there, ${least} were durable`);
  findings.expect(order, count <= most, `${what}: ${count} are there, only ${most} were begun`);
  findings.expect(
    order,
    problems.length === 0,
    `${what}: not the first ${count} in order: ${problems.join("; ")}`,
  );
}

async function readPlace({ path, base, direct }: Place, writer: string): Promise<Found> {
  const file = await open(path, constants.O_RDONLY | (direct ? constants.O_DIRECT : 0)).catch(missing);
  if (file === undefined) return { count: 0, problems: [] };
  try {
    return judgeArea(await readArea(file, base), writer);
  } finally {
    await file.close();
  }
}

/** A file that was never made holds no record. */
function missing(error: unknown): FileHandle | undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

const CHECKS: Readonly<Record<Exclude<Content, "block">, readonly string[]>> = {
  ext4: ["e2fsck", "-fn"],
  xfs: ["xfs_repair", "-n"],
  btrfs: ["btrfs", "check", "--readonly"],
};

/** On a device of our own with the volume's table: the driver has taken its own away. */
async function checkFilesystem(content: Exclude<Content, "block">, table: string): Promise<void> {
  const [tool = "", ...options] = CHECKS[content];
  const name = "power-check";
  await run("dmsetup", "create", name, "--readonly", "--table", table);
  try {
    await run(tool, ...options, `/dev/mapper/${name}`);
  } finally {
    await run("dmsetup", "remove", "--retry", name);
  }
}
