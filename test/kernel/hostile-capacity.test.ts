/**
 * Pools filled on purpose. At overprovision 1 no sequence of accepted calls and of writes fills one; beyond it a full pool
 * fails writers at once and comes back when something is deleted (promise 6).
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Snapshot__Output, VolumeContentSource } from "../../src/generated/csi.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { expectCode, outcomeOf } from "../support/node-bench.ts";
import { scratchDirectory } from "../support/scratch.ts";
import {
  fromSnapshot,
  fromVolume,
  SHARED_DIRECTORIES,
  VolumeLife,
  type TestVolume,
} from "../support/volume-life.ts";

const MIB = 1n << 20n;
/** Of 256 MiB, an eighth of which is held back for what is overwritten between two commits of the kernel. */
const PROMISABLE = 224n * MIB;
const CHUNK = 16n * MIB;
const POOLS = ["true", "over"] as const;
type PoolName = (typeof POOLS)[number];

let directory: string;
let driver: TestDriver;

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/hostile-capacity-`);
  const sized = (name: PoolName) => loopPool(directory, name, "256MiB");
  driver = await startDriver({ directory, pools: [sized("true"), { ...sized("over"), overprovision: 3 }] });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
});
afterAll(async () => {
  await driver.stop();
  for (const pool of POOLS) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

/** Raw volumes of one pool, staged as soon as they are made. */
class Filling {
  readonly pool: PoolName;
  readonly life: VolumeLife;

  constructor(pool: PoolName) {
    this.pool = pool;
    const { kubeletDirectory, client } = driver;
    this.life = new VolumeLife({ csi: () => client, kubeletDirectory, pool });
  }

  async create(name: string, size: bigint, source?: VolumeContentSource): Promise<TestVolume> {
    const origin = source === undefined ? {} : { volume_content_source: source };
    const volume = await this.life.create(name, "block", size, {
      parameters: { pool: this.pool },
      ...origin,
    });
    await this.life.stage(volume);
    return volume;
  }

  /** Every byte of it, past the page cache; no more between two commits than the pool holds back for that. */
  async fill(volume: TestVolume): Promise<void> {
    for (let at = 0n; at < volume.size; at += CHUNK) {
      const place = [`seek=${at / MIB}`, `count=${CHUNK / MIB}`, "bs=1M", "oflag=direct", "conv=notrunc"];
      await run("dd", "if=/dev/zero", `of=/dev/mapper/${volume.device}`, ...place);
      await this.status();
    }
  }

  async remove(volume: TestVolume): Promise<void> {
    await this.life.unstage(volume);
    await this.life.delete(volume);
  }

  async available(): Promise<bigint> {
    const { available_capacity } = await driver.client.controller.getCapacity({
      parameters: { pool: this.pool },
    });
    return BigInt(available_capacity);
  }

  /** The kernel commits before it answers. */
  async status(): Promise<{ readonly mode: string; readonly used: bigint; readonly total: bigint }> {
    const words = (await run("dmsetup", "status", `dmthin-${this.pool}-pool`)).split(" ");
    const [used = "", total = ""] = words[5]?.split("/") ?? [];
    return { mode: words[7] ?? "", used: BigInt(used), total: BigInt(total) };
  }
}

const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const STEPS = 30;
const EXHAUSTED = "RESOURCE_EXHAUSTED";
const BOUND =
  /needs .* in the worst case, .* can still be promised \(bound by the pool's data, .* promised\); delete/;

describe("a pool that promises what it has", () => {
  test("refuses what does not fit, is written full, and takes more when something is deleted", async () => {
    const pool = new Filling("true");
    const made = [];
    for (let each = await pool.available(); each >= 48n * MIB; each = await pool.available())
      made.push(await pool.create(`half-${made.length}`, 48n * MIB));
    expect(made.length).toBe(4);
    await expectCode(pool.create("more", 48n * MIB), EXHAUSTED, BOUND);
    const [first, second] = made as [TestVolume, TestVolume];
    await pool.remove(first);
    await pool.fill(second);
    const snapshot = await pool.life.snapshot("full", second);
    expect(await pool.available()).toBe(PROMISABLE - 4n * 48n * MIB);
    await expectCode(pool.life.snapshot("again", second), EXHAUSTED, BOUND);
    await expectCode(pool.life.enlarge(second, 96n * MIB), "OUT_OF_RANGE", BOUND);
    await expectCode(pool.create("copy", 48n * MIB, fromVolume(second)), EXHAUSTED, BOUND);
    await expectCode(pool.create("restored", 48n * MIB, fromSnapshot(snapshot)), EXHAUSTED, BOUND);
    const rest = await pool.create("rest", await pool.available());
    expect(await pool.available()).toBe(0n);
    for (const volume of [...made.slice(1), rest]) await pool.fill(volume);
    expect(await pool.status()).toEqual({ mode: "rw", used: 3584n, total: 4096n });

    await pool.life.deleteSnapshots(snapshot);
    expect(await pool.available()).toBe(48n * MIB);
    const more = await pool.create("more", 48n * MIB);
    await pool.fill(more);
    expect((await pool.status()).mode).toBe("rw");
    for (const volume of [...made.slice(1), rest, more]) await pool.remove(volume);
    expect(await pool.status()).toEqual({ mode: "rw", used: 0n, total: 4096n });
    expect(await pool.available()).toBe(PROMISABLE);
  });

  test(`is never filled by any sequence of calls it accepts and of writes (SEED=${SEED})`, async () => {
    const pool = new Filling("true");
    const random = generator(SEED);
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
    const volumes: TestVolume[] = [];
    const snapshots: Snapshot__Output[] = [];
    const size = () => BigInt(1 + Math.floor(random() * 3)) * 16n * MIB;
    const add = async (name: string, source?: VolumeContentSource, least = 0n) => {
      const wanted = size();
      volumes.push(await pool.create(name, wanted > least ? wanted : least, source));
    };
    const kinds: readonly ((name: string, volume: TestVolume | undefined) => Promise<unknown>)[] = [
      (name) => add(name),
      (name) => add(name),
      async (name, volume) => volume && add(name, fromVolume(volume), volume.size),
      async (name) => {
        const snapshot = pick(snapshots);
        return snapshot && add(name, fromSnapshot(snapshot), BigInt(snapshot.size_bytes));
      },
      async (name, volume) => volume && snapshots.push(await pool.life.snapshot(name, volume)),
      async (_name, volume) => volume && pool.fill(volume),
      async (_name, volume) => volume && pool.fill(volume),
      async (_name, volume) => {
        if (volume === undefined) return;
        const grown = await pool.life.enlarge(volume, volume.size + 16n * MIB);
        await pool.life.stage(volume);
        volumes.splice(volumes.indexOf(volume), 1, { ...volume, size: grown });
      },
      async (_name, volume) => {
        if (volume !== undefined)
          await pool.remove(...(volumes.splice(volumes.indexOf(volume), 1) as [TestVolume]));
      },
      async () => {
        const snapshot = pick(snapshots);
        if (snapshot) await pool.life.deleteSnapshots(...snapshots.splice(snapshots.indexOf(snapshot), 1));
      },
    ];
    for (let step = 0; step < STEPS; step += 1) {
      const kind = Math.floor(random() * kinds.length);
      const call = kinds[kind]?.(`random-${step}`, pick(volumes));
      const { code, details } = await outcomeOf(Promise.resolve(call));
      const expected = code === "OK" || details.includes("can still be promised");
      expect([step, kind, expected ? "" : details]).toEqual([step, kind, ""]);
      expect([step, kind, (await pool.status()).mode]).toEqual([step, kind, "rw"]);
    }
    for (const volume of volumes) await pool.fill(volume);
    expect((await pool.status()).mode).toBe("rw");
    await pool.life.deleteSnapshots(...snapshots);
    for (const volume of volumes) await pool.remove(volume);
    expect(await pool.status()).toEqual({ mode: "rw", used: 0n, total: 4096n });
  });
});

/** mulberry32: the same numbers from the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("a pool that promises three times what it has fails writers when it is full, and a deletion brings it back", async () => {
  const pool = new Filling("over");
  const made = [];
  for (const name of ["one", "two", "three"]) made.push(await pool.create(name, 160n * MIB));
  const [one, two, three] = made as [TestVolume, TestVolume, TestVolume];
  await pool.fill(one);
  const begin = performance.now();
  await expect(pool.fill(two)).rejects.toThrow(/No space left on device|Input\/output error/);
  // At once: by default the kernel would let it wait for a minute.
  expect(performance.now() - begin).toBeLessThan(20_000);
  expect((await pool.status()).mode).toBe("out_of_data_space");
  await expectCode(pool.create("more", 16n * MIB), EXHAUSTED, /over is out of data space; delete/);
  expect(await pool.available()).toBe(0n);
  await expectCode(pool.life.snapshot("more", one), EXHAUSTED, /over is out of data space; delete/);
  await expectCode(pool.life.enlarge(one, 176n * MIB), "OUT_OF_RANGE", /over is out of data space; delete/);
  // What is there can be overwritten, and everything can be released and deleted.
  await pool.fill(one);
  await pool.remove(two);
  expect((await pool.status()).mode).toBe("rw");
  expect(await pool.available()).toBeGreaterThan(0n);
  await pool.life.deleteSnapshots(await pool.life.snapshot("more", one));
  await pool.remove(one);
  await pool.fill(three);
  await pool.remove(three);
  expect(await pool.status()).toEqual({ mode: "rw", used: 0n, total: 4096n });
});
