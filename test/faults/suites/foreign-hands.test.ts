/**
 * Foreign hands: whatever somebody did to a pool while its driver was away is seen before the driver writes to it,
 * reported with what to do, and costs nothing: when the right thing is brought back, all is there.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseId } from "../../../src/core/ids.ts";
import { run } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import type { CommandLog } from "../../support/command-log.ts";
import { PartsBench, type PartsPool } from "../../support/parts-bench.ts";
import { digestOf, put } from "../../support/under-disk.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import { FOREIGN_CASES } from "../foreign/cases.ts";
import type { ForeignCase, Ground } from "../foreign/hands.ts";

const SIZE = 4n << 20n;
const SETUP_MS = 500_000;
const DATA_MIB = 96;
const LETTER_BYTES = 4096;

let bench: PartsBench;
const grounds = new Map<string, Ground>();

function groundOf({ name }: ForeignCase): Ground {
  const ground = grounds.get(name);
  if (ground === undefined) throw new Error(`no ground for ${name}`);
  return ground;
}

async function prepare(each: ForeignCase): Promise<Ground> {
  const [pool, mark] = [bench.pool(each.name), bench.mark()];
  const kept = await pool.life.create(`${pool.name}-kept`, "block", SIZE, pool.here);
  const keptThin = mark.lastThin();
  await writeLetter(pool, kept, "yesterday");
  await pool.life.snapshot(`${pool.name}-cut`, kept);
  const uuid = parseId(kept.id)?.pool;
  if (uuid === undefined) throw new Error(`no pool in ${kept.id}`);
  const file = (name: string): string => `${bench.directory}/${pool.name}-${name}`;
  return { pool, other: bench.pool(each.other ?? "stale"), uuid, kept, keptThin, file };
}

async function writeLetter({ life }: PartsPool, volume: TestVolume, text: string): Promise<void> {
  await life.stage(volume);
  await put(`/dev/mapper/${volume.device}`, 0, Buffer.alloc(LETTER_BYTES, `written ${text}; `));
  await life.unstage(volume);
}

async function expectLetter({ pool, kept }: Ground, text: string): Promise<void> {
  await pool.life.stage(kept);
  const path = `/dev/mapper/${kept.device}`;
  const found = await run("dd", `if=${path}`, "bs=4096", "count=1", "iflag=direct", "status=none");
  expect(found.slice(0, 20)).toBe(`written ${text}; written`.slice(0, 20));
  await pool.life.unstage(kept);
}

/** All that a pool is. The driver must have ended. */
async function substance(each: ForeignCase): Promise<readonly string[]> {
  const { pool } = groundOf(each);
  const found: string[] = [];
  const head = { offset: 0n, length: 1n << 20n };
  for (const disk of [pool.data, pool.metadata])
    found.push(await disk.window(`hand-${pool.name}-label`, head, digestOf));
  if (each.unmounted === true) found.push(await pool.open("catalog", digestOf));
  else
    found.push(
      await pool.catalog((at) =>
        run("sh", "-c", 'cd "$1" && ls && find . -name "*.db" -exec md5sum {} +', "-", at),
      ),
    );
  const dump = (path: string): Promise<string> => run("sh", "-c", 'thin_dump "$1" | md5sum', "-", path);
  if (each.active !== true) found.push(await pool.open("meta", dump));
  return [...found, await pool.open("data", digestOf)];
}

const deactivate = (each: ForeignCase): Promise<void> => groundOf(each).pool.deactivate();

const BEFORE = FOREIGN_CASES.filter(({ yesterday }) => yesterday !== undefined);
/** Done to devices, or to what another pool lies on: undone before the pool is looked at again. */
const undoneFirst = ({ devices, other }: ForeignCase): boolean => devices === true || other !== undefined;

let mark: CommandLog;
const before = new Map<string, readonly string[]>();
const after = new Map<string, readonly string[]>();

beforeAll(async () => {
  const pools = FOREIGN_CASES.map(({ name }) => ({ name, dataMib: DATA_MIB }));
  bench = await PartsBench.start("foreign-hands", pools);
  for (const each of FOREIGN_CASES) grounds.set(each.name, await prepare(each));
  await bench.driver.stop();
  for (const each of BEFORE) {
    await deactivate(each);
    await each.yesterday?.(groundOf(each));
  }
  await bench.restart(BEFORE.map((each) => groundOf(each).pool));
  for (const each of BEFORE) {
    await writeLetter(groundOf(each).pool, groundOf(each).kept, "today");
    await each.today?.(groundOf(each));
  }
  await bench.driver.stop();
  for (const each of FOREIGN_CASES) if (each.active !== true) await deactivate(each);
  for (const each of FOREIGN_CASES) {
    if (undoneFirst(each)) before.set(each.name, await substance(each));
    await each.damage(groundOf(each));
    if (!undoneFirst(each)) before.set(each.name, await substance(each));
  }
  mark = await bench.restart();
}, SETUP_MS);
afterAll(() => bench.end(), SETUP_MS);

describe.each(FOREIGN_CASES)("promise 10: when $what", (each) => {
  const { end, name, says } = each;

  test("that is reported and costs nothing", async () => {
    const lines = mark.text().split("\n");
    expect(lines.filter((line) => line.includes(`"pool ${name}`)).join("\n")).toMatch(says);
    const { pool } = groundOf(each);
    if (end === "open") await expectLetter(groundOf(each), "yesterday");
    else expect(mark.messages(pool.poolDevice)).toEqual([]);
  });
});

describe.each(FOREIGN_CASES.filter(({ end }) => end !== "open"))("promise 10: when $what", (each) => {
  test("all is refused that would change the pool, or tell what nobody knows", async () => {
    const { end, name, says } = each;
    const { pool, kept } = groundOf(each);
    const { controller } = bench.csi;
    const unknown = kept.id.replace(/.{6}$/, "000000");
    const calls: readonly (() => Promise<unknown>)[] = [
      () => pool.life.create(`${name}-new`, "block", SIZE, pool.here),
      () => pool.life.create(`${name}-kept`, "block", SIZE, pool.here),
      () => pool.life.snapshot(`${name}-more`, kept),
      () => pool.life.snapshot(`${name}-cut`, kept),
      () => controller.deleteVolume({ volume_id: kept.id }),
      () => controller.deleteVolume({ volume_id: unknown }),
      () => controller.controllerGetVolume({ volume_id: unknown }),
      () => pool.life.enlarge(kept, 2n * SIZE),
      () => controller.listVolumes({}),
      () => controller.listSnapshots({ source_volume_id: kept.id }),
    ];
    for (const call of calls) await expectCode(call(), "UNAVAILABLE");
    await expectCode(pool.life.stage(kept), "UNAVAILABLE", end === "read-only" ? says : /is not open/);
    expect((await controller.getCapacity(pool.here)).available_capacity).toBe("0");
    // A pod of yesterday can end.
    if (end === "read-only") await pool.life.unstage(kept);
    expect(mark.messages(pool.poolDevice)).toEqual([]);
  });
});

describe("promise 10: nothing was destroyed", () => {
  /** Those that were opened at all; of the others it is enough that no byte is another. */
  const touched = FOREIGN_CASES.filter(({ end }) => end !== "absent");

  beforeAll(async () => {
    await bench.driver.stop();
    for (const each of FOREIGN_CASES) {
      if (each.devices === true) await each.undo?.(groundOf(each));
      if (each.active !== true) await deactivate(each);
    }
    for (const each of FOREIGN_CASES.filter(({ other }) => other !== undefined))
      await each.undo?.(groundOf(each));
    for (const each of FOREIGN_CASES) after.set(each.name, await substance(each));
    for (const each of FOREIGN_CASES) if (!undoneFirst(each)) await each.undo?.(groundOf(each));
    await bench.restart(touched.map((each) => groundOf(each).pool));
  }, SETUP_MS);

  test.each(FOREIGN_CASES.filter(({ end }) => end !== "open"))("when $what", ({ name }) => {
    expect(after.get(name)).toEqual(before.get(name));
  });

  test.each(touched)("and all is there after it is undone, when $what", async (each) => {
    const { pool, kept } = groundOf(each);
    await expectLetter(groundOf(each), each.yesterday === undefined ? "yesterday" : "today");
    const cut = (await bench.csi.controller.listSnapshots({ source_volume_id: kept.id })).entries;
    expect(cut).toHaveLength(1);
    await pool.life.delete(await pool.life.create(`${each.name}-new`, "block", SIZE, pool.here));
  });
});
