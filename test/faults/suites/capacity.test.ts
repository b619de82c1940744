/**
 * At overprovision 1 nothing fills a pool: no sequence of calls that it accepts, and of writes (promise 6). Small pools, so
 * that every byte of every volume can be overwritten; new blocks are zeroed, as by default.
 */
import { afterAll, describe, expect, test } from "vitest";

import type {
  Snapshot__Output,
  VolumeContentSource,
  VolumeGroupSnapshot__Output,
} from "../../../src/generated/csi.ts";
import { run } from "../../support/machine-state.ts";
import { expectCode, outcomeOf } from "../../support/node-bench.ts";
import { fromSnapshot, fromVolume, type TestVolume } from "../../support/volume-life.ts";
import { FullBench, MIB } from "../full/full-bench.ts";
import { RawPool } from "../full/raw-pool.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const { seed, share } = given();

/** Of 256 MiB, an eighth of which is held back for what is overwritten between two commits of the kernel. */
const PROMISABLE = 224n * MIB;
const EMPTY = { mode: "rw", used: 0n, total: 4096n };

const bench = await FullBench.start("capacity", { true: { overprovision: 1 } });
afterAll(() => bench.stop());
const pool = new RawPool(bench, "true");

const BOUND =
  /needs .* in the worst case, .* can still be promised \(bound by the pool's data, .* promised\); delete/;

test("promise 6: a pool refuses what does not fit, is written full, and takes more when something is deleted", async () => {
  const made: TestVolume[] = [];
  for (let each = await pool.available(); each >= 48n * MIB; each = await pool.available())
    made.push(await pool.create(`half-${made.length}`, 48n * MIB));
  expect(made.length).toBe(4);
  await expectCode(pool.create("more", 48n * MIB), "RESOURCE_EXHAUSTED", BOUND);
  const [first, second] = made as [TestVolume, TestVolume];
  await pool.remove(first);
  await pool.fill(second);
  const snapshot = await pool.life.snapshot("full", second);
  expect(await pool.available()).toBe(PROMISABLE - 4n * 48n * MIB);
  await expectCode(pool.life.snapshot("again", second), "RESOURCE_EXHAUSTED", BOUND);
  await expectCode(pool.life.enlarge(second, 96n * MIB), "OUT_OF_RANGE", BOUND);
  await expectCode(pool.create("copy", 48n * MIB, fromVolume(second)), "RESOURCE_EXHAUSTED", BOUND);
  await expectCode(pool.create("restored", 48n * MIB, fromSnapshot(snapshot)), "RESOURCE_EXHAUSTED", BOUND);
  const rest = await pool.create("rest", await pool.available());
  expect(await pool.available()).toBe(0n);
  for (const volume of [...made.slice(1), rest]) await pool.fill(volume);
  expect(await pool.status()).toEqual({ ...EMPTY, used: 3584n });

  await pool.life.deleteSnapshots(snapshot);
  expect(await pool.available()).toBe(48n * MIB);
  const more = await pool.create("more", 48n * MIB);
  await pool.fill(more);
  expect((await pool.status()).mode).toBe("rw");
  for (const volume of [...made.slice(1), rest, more]) await pool.remove(volume);
  expect(await pool.status()).toEqual(EMPTY);
  expect(await pool.available()).toBe(PROMISABLE);
});

/** What is there, and the calls that change it. Each answers nothing where there is nothing to call it on. */
class Sequence {
  readonly #random: Random;
  readonly #name: string;
  readonly volumes: TestVolume[] = [];
  readonly snapshots: Snapshot__Output[] = [];
  readonly groups: VolumeGroupSnapshot__Output[] = [];

  constructor(random: Random, name: string) {
    this.#random = random;
    this.#name = name;
  }

  /** The more often a kind stands here, the more often it is chosen. */
  readonly kinds: Readonly<Record<string, (name: string) => Promise<unknown>>> = {
    create: (name) => this.#add(name),
    "create another": (name) => this.#add(name),
    clone: async (name) => {
      const volume = this.#volume();
      return volume && this.#add(name, fromVolume(volume), volume.size);
    },
    restore: async (name) => {
      const snapshot = this.#random.pick(this.snapshots);
      return snapshot && this.#add(name, fromSnapshot(snapshot), BigInt(snapshot.size_bytes));
    },
    snapshot: async (name) => {
      const volume = this.#volume();
      return volume && this.snapshots.push(await pool.life.snapshot(name, volume));
    },
    group: async (name) => {
      const members = this.#random.sample(this.volumes, 2);
      return members.length > 1 && this.groups.push(await pool.createGroup(name, members));
    },
    overwrite: () => this.#overwrite(),
    "overwrite again": () => this.#overwrite(),
    trim: async () => {
      const volume = this.#volume();
      if (volume === undefined) return;
      const place = ["--offset", String(16n * MIB), "--length", String(volume.size - 16n * MIB)];
      if (volume.size > 16n * MIB) await run("blkdiscard", ...place, `/dev/mapper/${volume.device}`);
    },
    grow: async () => {
      const volume = this.#volume();
      if (volume === undefined) return;
      const size = await pool.life.enlarge(volume, volume.size + 16n * MIB);
      await pool.life.stage(volume);
      this.volumes.splice(this.volumes.indexOf(volume), 1, { ...volume, size });
    },
    "delete a volume": async () => {
      const volume = this.#volume();
      if (volume === undefined) return;
      await pool.remove(volume);
      this.volumes.splice(this.volumes.indexOf(volume), 1);
    },
    "delete a snapshot": async () => {
      const snapshot = this.#random.pick(this.snapshots);
      if (snapshot === undefined) return;
      await pool.life.deleteSnapshots(snapshot);
      this.snapshots.splice(this.snapshots.indexOf(snapshot), 1);
    },
    "delete a group": async () => {
      const group = this.#random.pick(this.groups);
      if (group === undefined) return;
      await pool.deleteGroup(group);
      this.groups.splice(this.groups.indexOf(group), 1);
    },
  };

  async step(number: number): Promise<void> {
    const kind = this.#random.pick(Object.keys(this.kinds)) ?? "create";
    const { code, details } = await outcomeOf(
      this.kinds[kind]?.(`${this.#name}-${number}`) ?? Promise.resolve(),
    );
    if (code !== "OK" && !details.includes("can still be promised"))
      throw new Error(`step ${number}, ${kind}: ${code} ${details}`);
    const { mode } = await pool.status();
    if (mode !== "rw") throw new Error(`step ${number}, ${kind}: the pool is ${mode}`);
  }

  async deleteAll(): Promise<void> {
    for (const group of this.groups) await pool.deleteGroup(group);
    await pool.life.deleteSnapshots(...this.snapshots);
    for (const volume of this.volumes) await pool.remove(volume);
  }

  #volume(): TestVolume | undefined {
    return this.#random.pick(this.volumes);
  }

  async #add(name: string, source?: VolumeContentSource, least = 0n): Promise<void> {
    const wanted = BigInt(this.#random.between(1, 3)) * 16n * MIB;
    this.volumes.push(await pool.create(name, wanted > least ? wanted : least, source));
  }

  async #overwrite(): Promise<void> {
    const volume = this.#volume();
    if (volume !== undefined) await pool.fill(volume);
  }
}

describe.each(Array.from({ length: share ? 1 : 4 }, (_, index) => index))("sequence %s", (index) => {
  test("promise 6: nothing that a pool accepts, and no writes after it, fill it", async () => {
    const sequence = new Sequence(new Random(seed, `capacity ${index}`), `s${index}`);
    for (let number = 0; number < (share ? 20 : 30); number += 1) await sequence.step(number);
    for (const volume of sequence.volumes) await pool.fill(volume);
    expect((await pool.status()).mode).toBe("rw");
    await sequence.deleteAll();
    expect(await pool.status()).toEqual(EMPTY);
  });
});
