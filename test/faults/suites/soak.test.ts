/** Many mixed operations on one driver: what it takes of the machine does not grow with what it has done. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { loopPool, startDriver, type TestDriver } from "../../support/driver.ts";
import { machineState, takeDown, type MachineState } from "../../support/machine-state.ts";
import { RecordWriter } from "../../support/record-writer.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../../support/volume-life.ts";
import { Random } from "../random.ts";
import { MixedOperations } from "../soak/mixed-operations.ts";
import { figuresOf, sizeOf, textOf, type ProcessFigures } from "../soak/process-figures.ts";
import { figure, given } from "./given.ts";

const { seed, budgetMs, share } = given();
const POOL = "soak";
const WIDTH = 4;
/** Calls between two looks at the clock. */
const SLICE = 50;
/** At least this many, whatever the budget. */
const LEAST = share ? 100 : 1000;
/** Of the budget; the rest is for starts, volumes with mounts, and the end. */
const PART = 0.6;

interface Sample {
  readonly operations: number;
  readonly process: ProcessFigures;
  readonly catalog: number;
  readonly log: number;
}

let directory: string;
let driver: TestDriver;
let before: MachineState;
let mixed: MixedOperations;
const samples: Sample[] = [];

const life = (): VolumeLife =>
  new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
const state = (): Promise<MachineState> =>
  machineState({ pool: POOL, csi: driver.client, kubeletDirectory: driver.kubeletDirectory });

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "soak-"));
  driver = await startDriver({
    directory,
    pools: [loopPool(directory, POOL, "4GiB")],
    // As in production: at debug each command is a line.
    config: { logLevel: "info" },
  });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  before = await state();
  mixed = new MixedOperations(() => driver.client, life(), new Random(seed, "soak"));
});

afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

function sample(): Sample {
  const catalog = join(directory, "state", poolUuid(), "catalog/catalog.db");
  const taken = {
    operations: mixed.done,
    process: figuresOf(driver.pid),
    catalog: sizeOf(catalog) + sizeOf(`${catalog}-wal`),
    log: sizeOf(driver.log),
  };
  samples.push(taken);
  return taken;
}

const poolUuid = (): string =>
  /DMTHIN-([0-9a-f]{32})-catalog/.exec(before.devices.join("\n"))?.[1] ?? "no pool";

const tell = (what: string, { operations, process, catalog, log }: Sample): void =>
  figure(
    `${what}, after ${operations} operations: ${textOf(process)}, catalog ${catalog >> 10} KiB, log ${log >> 10} KiB`,
  );

describe("promises 4, 11, 13: mixed operations, several at a time", () => {
  test("all are done or refused by rule", async () => {
    const started = performance.now();
    const end = share ? started : started + budgetMs * PART;
    // Caches, code and heap of the first calls.
    await mixed.perform(LEAST / 5, WIDTH);
    tell("start", sample());
    while (mixed.done < LEAST || performance.now() < end) {
      await mixed.perform(SLICE, WIDTH);
      sample();
    }
    const seconds = (performance.now() - started) / 1000;
    tell("middle", samples[samples.length >> 1] as Sample);
    tell("end", samples.at(-1) as Sample);
    figure(`${mixed.done} operations in ${Math.round(seconds)} s, ${mixed.refused} of them refused by rule`);
    expect(mixed.refused).toBeLessThan(mixed.done / 4);
  }, 3_600_000);

  test("the memory at the end is about that of the middle", () => {
    const resident = samples.map(({ process }) => process.residentMib);
    const half = samples.length >> 1;
    // Garbage comes and goes: the least of each half is what is really held.
    const [early, late] = [Math.min(...resident.slice(0, half)), Math.min(...resident.slice(half))];
    expect(late).toBeLessThan(early * 1.15 + 8);
    expect(Math.max(...resident)).toBeLessThan(400);
  });

  test("no descriptor, thread or child is kept", () => {
    const [first, last] = [samples[0], samples.at(-1)];
    expect(last?.process.descriptors).toBeLessThanOrEqual((first?.process.descriptors ?? 0) + 4);
    expect(last?.process.threads).toBeLessThanOrEqual((first?.process.threads ?? 0) + 1);
    // The resume guard, and the tool that waits for the kernel's events.
    expect(last?.process.children).toBeLessThanOrEqual(2);
  });

  test("the catalog does not grow with what was deleted, and the log by a line or two a call", () => {
    const largest = Math.max(...samples.map(({ catalog }) => catalog));
    // A write-ahead log of 1000 pages is emptied into the file at about 4 MiB.
    expect(largest).toBeLessThan(8 << 20);
    const [first, last] = [samples[0] as Sample, samples.at(-1) as Sample];
    expect((last.log - first.log) / (last.operations - first.operations)).toBeLessThan(800);
  });
});

test("promises 4, 11: volumes that are staged, published, written and taken down again and again leave nothing", async () => {
  const rounds = share ? 1 : 4;
  const begun = figuresOf(driver.pid);
  for (let round = 0; round < rounds; round += 1) {
    const volumes: TestVolume[] = [];
    for (const content of ["ext4", "block"] as const)
      volumes.push(await life().create(`mounted-${round}-${content}`, content));
    await Promise.all(volumes.map((volume) => life().use(volume)));
    for (const volume of volumes) {
      const writer = await RecordWriter.start(
        volume.content === "block" ? volume.targetPath : `${volume.targetPath}/records`,
      );
      const cut = await life().snapshot(`cut-${volume.name}`, volume);
      await writer.stop();
      await life().deleteSnapshots(cut);
    }
    await life().end(...volumes);
  }
  const ended = figuresOf(driver.pid);
  figure(`${rounds} rounds with mounts: ${textOf(begun)}, then ${textOf(ended)}`);
  expect(ended.descriptors).toBeLessThanOrEqual(begun.descriptors + 2);
});

test("promises 4, 13: when all is deleted the machine is as it was, and the next driver finds nothing to settle", async () => {
  await mixed.deleteAll();
  expect(await state()).toEqual(before);
  expect(await driver.stop()).toBe(0);
  driver = await startDriver({
    directory,
    pools: [loopPool(directory, POOL, "4GiB")],
    config: { logLevel: "info" },
  });
  expect(await state()).toEqual(before);
});
