/**
 * Pools filled on purpose (promises 2, 6): by writes through each filesystem and by the divergence of a snapshot, with
 * both policies; metadata that somebody else fills; a loop pool whose filesystem is full. Each gets out by growth or by a
 * deletion, without a reboot.
 */
import { mkdir, rm, statfs } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { RawConfig } from "../../support/driver.ts";
import { run } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import {
  checkFilesystem,
  CONTENTS,
  Filling,
  pathOfRecords,
  POLICIES,
  RECOVERIES,
  write,
  type Round,
  type Used,
} from "../full/filling.ts";
import { Filler, FullBench, MIB, until, type FullPool } from "../full/full-bench.ts";
import { Random } from "../random.ts";
import { figure, given } from "./given.ts";

const { seed, share } = given();
const random = new Random(seed, "full-pool");

/** Three seeds in a row give every filesystem every way out, with both policies. */
const all: readonly Round[] = POLICIES.flatMap((policy, first) =>
  CONTENTS.map((content, second) => ({
    policy,
    content,
    recovery: RECOVERIES[(seed + first + second) % RECOVERIES.length] ?? "growth",
  })),
);
const rounds = share ? random.sample(all, 1) : all;

/** Blocks that wait for room must not be given up before the slowest machine has made some. */
await run("sh", "-c", "echo 300 >/sys/module/dm_thin_pool/parameters/no_space_timeout");

/** One driver for one pool, while the tests beside it run. */
function benchWith(pool: string, keys: RawConfig): () => FullBench {
  let bench: FullBench | undefined;
  beforeAll(async () => {
    bench = await FullBench.start(`full-${pool}`, { [pool]: keys });
  });
  afterAll(async () => {
    for (const each of writers.splice(0)) await each.stop().catch(() => undefined);
    await bench?.stop();
  });
  return () => {
    if (bench === undefined) throw new Error("not started");
    return bench;
  };
}
const writers: RecordWriter[] = [];

describe.each(POLICIES.filter((policy) => rounds.some((round) => round.policy === policy)))(
  "policy %s",
  (policy) => {
    const bench = benchWith(policy, { whenFull: policy, overprovision: 16 });

    describe.each(rounds.filter((each) => each.policy === policy))(
      "$content, way out: $recovery",
      (round) => {
        let filling: Filling;

        test("promise 6: the pool warns before it is full, refuses when it is, and what needs no room goes on", async () => {
          filling = await Filling.prepare(bench(), round);
          const { pool, known, subject, bystander } = filling;
          writers.push(subject.writer, bystander.writer);
          await until("warned", async () => {
            // Again and again: btrfs gives back what it does not need.
            await filling.fillTo(82);
            return pool.hasLogged(/its data is 80 % full .*: grow the pool, or delete/, known);
          });
          expect((await pool.log()).slice(known).join("\n")).not.toMatch(/its data is full/);
          expect(await pool.available()).toBeGreaterThan(0n);

          await filling.fillUp();
          const began = performance.now();
          await pool.untilLogged(/its data is full/, known);
          figure(
            `${round.policy} ${round.content}: known ${Math.round(performance.now() - began)} ms after it was full`,
          );
          expect(await pool.available()).toBe(0n);
          const refused = /out of data space/;
          await expectCode(pool.create("late", "block", 4n * MIB), "RESOURCE_EXHAUSTED", refused);
          await expectCode(pool.life.snapshot("late", bystander.volume), "RESOURCE_EXHAUSTED", refused);
          await expectCode(pool.life.enlarge(bystander.volume, 64n * MIB), "OUT_OF_RANGE", refused);
          await bystander.writer.reach(20);
          expect(await pool.status()).toMatchObject({ mode: "out_of_data_space", needsCheck: false });
        });

        test("promises 2, 6: out of it, it takes promises and writers, and every confirmed record is there", async () => {
          const { pool, subject, bystander, known } = filling;
          const durable = await filling.recover();
          // A driver that was started anew has not seen the pool full.
          if (round.recovery === "growth") await pool.untilLogged(/has grown: data from/, known);
          else await pool.untilLogged(/its data has room again/, known);
          await bystander.writer.reach(5);
          await until("room for promises", async () => (await pool.available()) > 0n);
          await pool.life.delete(await pool.create("late", "block", 4n * MIB));

          const { volume } = subject;
          const table = await run("dmsetup", "table", volume.device);
          await pool.life.release(volume);
          // Staging replays the log of what stopped.
          await pool.life.use(volume);
          expect(await countRecords(pathOfRecords(volume))).toBeGreaterThanOrEqual(durable);
          const more = await RecordWriter.start(pathOfRecords(volume));
          await more.stop();
          await pool.life.release(volume);
          await checkFilesystem(round.content, table);
          await pool.life.use(volume);
          const written = await bystander.writer.stop();
          expect(await countRecords(bystander.volume.targetPath)).toBeGreaterThanOrEqual(written);
          await filling.end();
        });
      },
    );
  },
);

const BELOW = "/run/dmthin-below";
/** Ids that no driver reaches in a test. */
const BY_HAND = 1_000_000;

/** One round is all that the share has time for. */
const wholeOnly = (name: string): readonly string[] => (share ? [] : [name]);

describe.each(wholeOnly("metadata"))("%s", () => {
  const bench = benchWith("meta", { dataSize: "8GiB", metadataSize: "4MiB", autoGrow: { metadata: false } });
  let pool: FullPool;
  beforeAll(() => {
    pool = bench().pool("meta");
  });
  const message = (verb: string, first: number, condition: string) =>
    run(
      "sh",
      "-c",
      `i=${first}; while ${condition} && dmsetup message dmthin-meta-pool 0 "${verb} $i" 2>/dev/null; do i=$((i+1)); done; echo $i`,
    );
  let volume: TestVolume;
  let writer: RecordWriter;
  let end = BY_HAND;

  test("promise 6: no volume is promised that the metadata could not list", async () => {
    await expectCode(
      pool.create("too-large", "block", 6n << 30n),
      "RESOURCE_EXHAUSTED",
      /bound by the pool's metadata/,
    );
  });

  test("promise 6: filled by foreign hands it is warned of, and then nothing is promised and nothing damaged", async () => {
    volume = await pool.create("kept", "ext4", 64n * MIB);
    await pool.life.use(volume);
    writer = await RecordWriter.slowly(50, pathOfRecords(volume));
    writers.push(writer);
    const known = (await pool.log()).length;
    const { usedMeta, totalMeta } = await pool.status();
    // One block each, for its root.
    const first = Number((totalMeta * 84n) / 100n - usedMeta);
    end = Number(await message("create_thin", end, `[ $i -lt ${BY_HAND + first} ]`));
    await pool.available();
    await pool.untilLogged(/its metadata is (80|90) % full .*: set metadataSize higher/, known);
    end = Number(await message("create_thin", end, "true"));
    expect(await pool.status()).toMatchObject({ mode: "ro", needsCheck: false });
    await pool.untilLogged(/its metadata is full/, known);
    expect(await pool.available()).toBe(0n);
    await expectCode(pool.create("late", "block", 4n * MIB), "UNAVAILABLE", /read-only/);
  });

  test("promises 2, 6: more metadata brings it back, with every confirmed record", async () => {
    const durable = await writer.stop().catch(() => writer.durable);
    await bench().restart("meta", { metadataSize: "16MiB" });
    expect(await pool.status()).toMatchObject({ mode: "rw", needsCheck: false, totalMeta: 4096n });
    // The fence lets nobody write before the foreign thins are gone.
    await expectCode(pool.create("late", "block", 4n * MIB), "UNAVAILABLE", /foreign hands/);
    await message("delete", BY_HAND, `[ $i -lt ${end} ]`);
    await bench().restart();
    await pool.life.release(volume);
    const table = await tableOf(volume);
    await checkFilesystem("ext4", table);
    await pool.life.use(volume);
    expect(await countRecords(pathOfRecords(volume))).toBeGreaterThanOrEqual(durable);
    await pool.life.delete(await pool.create("too-large", "block", 6n << 30n));
    await pool.life.end(volume);
    await run("dmsetup", "message", "dmthin-meta-pool", "0", "reserve_metadata_snap");
    await run("thin_check", "--metadata-snap", "/dev/mapper/dmthin-meta-meta");
    await run("dmsetup", "message", "dmthin-meta-pool", "0", "release_metadata_snap");
  });

  /** Of a volume that is not staged. */
  async function tableOf(unstaged: TestVolume): Promise<string> {
    await pool.life.use(unstaged);
    const table = await run("dmsetup", "table", unstaged.device);
    await pool.life.release(unstaged);
    return table;
  }
});

describe.each(wholeOnly("a loop pool on a filesystem that others fill"))("%s", () => {
  /** A filesystem of its own, for others to fill. */
  const disk = process.env["DMTHIN_DISKS"]?.split(/\s+/)[1] ?? "";
  beforeAll(async () => {
    await run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", disk, "1G");
    await mkdir(BELOW);
    await run("mount", disk, BELOW);
  });
  afterAll(() => run("umount", BELOW));
  const keys = { directory: `${BELOW}/pool`, dataSize: "2GiB", metadataSize: "4MiB" };
  const bench = benchWith("below", keys);
  let pool: FullPool;
  beforeAll(() => {
    pool = bench().pool("below");
  });
  const others = `${BELOW}/others`;
  let raw: TestVolume;
  let subject: Used;

  test("promise 6: promises nothing, fails writers, and says so", async () => {
    raw = await pool.create("raw", "block", 256n * MIB);
    await pool.life.use(raw);
    const volume = await pool.create("subject", "ext4", 64n * MIB);
    await pool.life.use(volume);
    subject = { volume, writer: await RecordWriter.slowly(50, pathOfRecords(volume)) };
    writers.push(subject.writer);
    await write(raw.targetPath, 0, 16);
    const known = (await pool.log()).length;
    const { bavail, bsize } = await statfs(BELOW);
    await run("fallocate", "--length", String(bavail * bsize - (4 << 20)), others);
    expect(await new Filler(raw.targetPath, 16, 64).ended).not.toBe(0);
    await until("no room for promises", async () => (await pool.available()) === 0n);
    await pool.untilLogged(/its data is (9. % )?full/, known);
    await expectCode(pool.create("late", "block", 4n * MIB), "RESOURCE_EXHAUSTED", /filesystem below/);
    await write(raw.targetPath, 0, 16);
    expect(await pool.status()).toMatchObject({ mode: "rw", needsCheck: false });
  });

  test("promises 2, 6: goes on when they have given room back", async () => {
    await rm(others);
    await write(raw.targetPath, 16, 64);
    await until("room for promises", async () => (await pool.available()) > 0n);
    const { volume, writer } = subject;
    const durable = await writer.stop().catch(() => writer.durable);
    const table = await run("dmsetup", "table", volume.device);
    await pool.life.release(volume);
    await pool.life.use(volume);
    expect(await countRecords(pathOfRecords(volume))).toBeGreaterThanOrEqual(durable);
    await pool.life.release(volume);
    await checkFilesystem("ext4", table);
    await pool.life.use(volume);
    await pool.life.end(volume, raw);
    // A block whose first write failed is neither mapped nor free: the kernel's way, until thin_check mends it.
    expect((await pool.status()).used).toBeLessThan(32n);
  });
});
