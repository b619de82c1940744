/** The filling of one pool, and what it is good for afterwards. */
import type { Snapshot__Output } from "../../../src/generated/csi.ts";
import { run } from "../../support/machine-state.ts";
import { RecordWriter } from "../../support/record-writer.ts";
import { retried } from "../../support/retried.ts";
import type { Content, TestVolume } from "../../support/volume-life.ts";
import { Filler, MIB, type FullBench, type FullPool } from "./full-bench.ts";

export const CONTENTS = ["ext4", "xfs", "btrfs", "block"] as const satisfies readonly Content[];
export const POLICIES = ["error", "queue"] as const;
export const RECOVERIES = ["growth", "deleted snapshot", "deleted volume"] as const;

export interface Round {
  readonly policy: (typeof POLICIES)[number];
  readonly content: Content;
  readonly recovery: (typeof RECOVERIES)[number];
}

const SIZE = 1024n * MIB;
const GROWTH = 192n * MIB;
/** Of what is filled. Before that lie records, up to the first of these, and what a snapshot shares. */
const SHARED_FROM_MIB = 32;
const FROM_MIB = 320;

/** One filling of a pool, from the first warning to the way out. */
export class Filling {
  readonly pool: FullPool;
  readonly round: Round;
  /** Lines of the log before it. */
  readonly known: number;
  readonly subject: Used;
  /** In the same pool; rewrites what is mapped, and needs no room. */
  readonly bystander: Used;
  readonly #path: string;
  readonly #wayOut: () => Promise<void>;
  #position = FROM_MIB;
  #last: Filler | undefined;

  private constructor(
    pool: FullPool,
    round: Round,
    known: number,
    used: readonly [Used, Used],
    wayOut: () => Promise<void>,
  ) {
    this.round = round;
    this.pool = pool;
    this.known = known;
    [this.subject, this.bystander] = used;
    this.#path = pathToFill(this.subject.volume);
    this.#wayOut = wayOut;
  }

  static async prepare(bench: FullBench, round: Round): Promise<Filling> {
    const pool = bench.pool(round.policy);
    const known = (await pool.log()).length;
    const name = `${round.policy}-${round.content}`;
    const still = await pool.create(`${name}-still`, "block", 32n * MIB);
    await pool.life.use(still);
    await write(still.targetPath, 0, 16);
    const volume = await pool.create(name, round.content, SIZE);
    await pool.life.use(volume);
    const subject = { volume, writer: await RecordWriter.slowly(50, pathOfRecords(volume)) };
    const bystander = { volume: still, writer: await RecordWriter.slowly(50, still.targetPath) };
    const wayOut = await WAYS_OUT[round.recovery](bench, pool, volume);
    return new Filling(pool, round, known, [subject, bystander], wayOut);
  }

  async fillTo(percent: number): Promise<void> {
    for (;;) {
      const { used, total } = await this.pool.status();
      const missing = Number((total * BigInt(percent)) / 100n - used) / 16;
      if (missing <= 0) return;
      // The filesystem takes more than its file.
      const count = Math.max(2, Math.floor(missing * 0.8));
      await write(this.#path, this.#position, count);
      this.#position += count;
    }
  }

  /** Writes more than there is room for. With `error` that fails; with `queue` it waits. */
  async fillUp(): Promise<void> {
    const { used, total } = await this.pool.status();
    const count = Number((total - used) / 16n) + 24;
    this.#last = new Filler(this.#path, this.#position, count);
    await this.pool.untilMode("out_of_data_space");
    if (this.round.policy === "error" && (await this.#last.ended) === 0)
      throw new Error("a write that needed room went well without any");
    if (this.round.policy === "queue" && !this.#last.running)
      throw new Error(`a write did not wait for room: exit code ${await this.#last.ended}`);
  }

  /** Writers that waited go on by themselves. Answers how many records of the subject are durable. */
  async recover(): Promise<number> {
    await this.#wayOut();
    await this.pool.untilMode("rw");
    const { writer } = this.subject;
    if (this.round.policy === "error") return writer.stop().catch(() => writer.durable);
    const code = await this.#last?.ended;
    if (code !== 0) throw new Error(`a write that waited for room ended with ${code}`);
    await writer.reach(5);
    return writer.stop();
  }

  async end(): Promise<void> {
    this.#last?.kill();
    await this.pool.life.end(this.subject.volume, this.bystander.volume);
    const { used } = await this.pool.status();
    if (used > 0n) throw new Error(`${used} blocks are left over`);
  }
}

export interface Used {
  readonly volume: TestVolume;
  readonly writer: RecordWriter;
}

/** What is prepared before the pool is full, and what gets it out afterwards. */
const WAYS_OUT: Readonly<
  Record<
    Round["recovery"],
    (bench: FullBench, pool: FullPool, volume: TestVolume) => Promise<() => Promise<void>>
  >
> = {
  growth: async (bench, pool) => async () => {
    const { total } = await pool.status();
    await bench.restart(pool.name, { dataSize: Number(total * 65_536n + GROWTH) });
  },
  "deleted volume": async (_bench, pool, volume) => {
    const ballast = await pool.create(`${volume.name}-ballast`, "block", SIZE);
    await pool.life.use(ballast);
    await write(ballast.targetPath, 0, await aThirdOf(pool));
    return () => pool.life.end(ballast);
  },
  "deleted snapshot": async (_bench, pool, volume) => {
    const [path, count] = [pathToFill(volume), await aThirdOf(pool)];
    await write(path, SHARED_FROM_MIB, count);
    const snapshot: Snapshot__Output = await retried(() => pool.life.snapshot(`${volume.name}-cut`, volume));
    // What is overwritten after the cut takes new blocks.
    await write(path, SHARED_FROM_MIB, count);
    return () => pool.life.deleteSnapshots(snapshot);
  },
};

const aThirdOf = async (pool: FullPool): Promise<number> => Number((await pool.status()).total / 48n);

export async function write(path: string, mebibyte: number, count: number): Promise<void> {
  const code = await new Filler(path, mebibyte, count).ended;
  if (code !== 0) throw new Error(`writing ${count} MiB to ${path} ended with ${code}`);
}

/** Both are raw: zeros lie behind the records, and end them. */
export const pathOfRecords = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/records`;
const pathToFill = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/fill`;

/** With the volume not staged: a device of its own for a moment, on which a checker may do nothing but look. */
export async function checkFilesystem(content: Content, table: string): Promise<void> {
  const CHECKS: Readonly<Record<string, readonly [string, ...string[]]>> = {
    ext4: ["e2fsck", "-fn"],
    xfs: ["xfs_repair", "-n"],
    btrfs: ["btrfs", "check", "--readonly"],
  };
  const [tool, ...args] = CHECKS[content] ?? [];
  if (tool === undefined) return;
  await run("dmsetup", "create", "looked-at", "--readonly", "--table", table);
  try {
    await run(tool, ...args, "/dev/mapper/looked-at");
  } finally {
    await run("dmsetup", "remove", "--retry", "looked-at");
  }
}
