/**
 * The format guard: a driver that finds anything but an empty thin of its own makes no filesystem, whatever it reads
 * there. What was on the device is there afterwards, and the answer says what to do.
 */
import { readFile, writeFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { retried } from "../../support/retried.ts";
import { machineState, run, thinIds, type MachineState } from "../../support/machine-state.ts";
import { expectCode, outcomeOf } from "../../support/node-bench.ts";
import { byHand, PartsBench, type PartsPool } from "../../support/parts-bench.ts";
import { digestOf, put } from "../../support/under-disk.ts";
import {
  FILESYSTEMS,
  fromSnapshot,
  fromVolume,
  type Content,
  type TestVolume,
  type VolumeLife,
} from "../../support/volume-life.ts";
import { isMkfs, mkfsUnderWay } from "../format/mkfs-process.ts";
import { restartBeside } from "../format/orphan.ts";
import { noiseOf, SIGNATURES, SIZES, SUPERBLOCKS } from "../format/signatures.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const NEVER = /never formatted/;

const random = new Random(given().seed, "format-guard");
let bench: PartsBench;
let pool: PartsPool;
let life: VolumeLife;
let before: MachineState;
let [made, count]: [TestVolume[], number] = [[], 0];

beforeAll(async () => {
  bench = await PartsBench.start("format-guard", [{ name: "guard", dataMib: 3072 }]);
  [pool, life] = [bench.pool("guard"), bench.pool("guard").life];
  before = await state();
});
afterEach(async () => {
  await pool.data.heal();
  for (const volume of made.toReversed()) {
    await retried(() => life.unstage(volume));
    await life.delete(volume);
  }
  for (const each of (await bench.csi.controller.listSnapshots({})).entries)
    await bench.csi.controller.deleteSnapshot({ snapshot_id: each.snapshot?.snapshot_id ?? "" });
  made = [];
  expectSameState(await state());
});
afterAll(() => bench.end());

const expectSameState = (now: MachineState): void => expect(now).toEqual(before);
const state = (): Promise<MachineState> =>
  machineState({ pool: pool.name, csi: bench.csi, kubeletDirectory: bench.kubeletDirectory });

interface Made {
  readonly volume: TestVolume;
  readonly thin: number;
}

/** A volume that `afterEach` takes away. */
async function create(
  content: Content,
  changes: Parameters<VolumeLife["create"]>[3] = {},
  size = SIZES[content],
): Promise<Made> {
  const mark = bench.mark();
  const volume = await life.create(`v${count++}`, content, size, changes);
  made.push(volume);
  return { volume, thin: mark.lastThin() };
}

/** Recorded as formatted, with a file in it. */
async function formatted(content: Content): Promise<Made> {
  const each = await create(content);
  await life.stage(each.volume);
  await writeFile(`${each.volume.stagingPath}/letter`, "dear reader", { flush: true });
  await life.unstage(each.volume);
  return each;
}

const content = ({ volume, thin }: Made): Promise<string> => byHand(pool, thin, volume.size, digestOf);

/** Stage fails so, formats nothing, changes nothing and leaves no device; twice. */
async function expectRefused(
  each: Made,
  code: Parameters<typeof expectCode>[1],
  message: RegExp,
  usage: Parameters<VolumeLife["stage"]>[1] = {},
): Promise<void> {
  const [mark, was, devices] = [bench.mark(), await content(each), await run("dmsetup", "ls")];
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expectCode(life.stage(each.volume, usage), code, message);
    expect(await run("dmsetup", "ls")).toBe(devices);
  }
  expect(mark.mkfs()).toEqual([]);
  expect(await content(each)).toBe(was);
}

const noise = (bytes: number): Buffer => noiseOf(random, bytes);

describe("promise 1: a device that cannot be read is not blank", () => {
  test.each(FILESYSTEMS)("(formatted, %s)", async (fsType) => {
    const { volume } = await formatted(fsType);
    const mark = bench.mark();
    await pool.data.fail();
    await expectCode(
      life.stage(volume),
      "UNAVAILABLE",
      /cannot be read, so nothing is decided .* check the pool's disks/,
    );
    await pool.data.heal();
    expect(mark.mkfs()).toEqual([]);
    await life.stage(volume);
    expect(await readFile(`${volume.stagingPath}/letter`, "utf8")).toBe("dear reader");
  });

  test("(recorded blank, with a block that somebody wrote)", async () => {
    const each = await create("ext4");
    await byHand(pool, each.thin, each.volume.size, (device) => put(device, 0, noise(4096)));
    const mark = bench.mark();
    await pool.data.fail();
    await expectCode(life.stage(each.volume), "UNAVAILABLE", /cannot be read/);
    await pool.data.heal();
    expect(mark.mkfs()).toEqual([]);
    await life.unstage(each.volume);
    await expectRefused(each, "INTERNAL", NEVER);
  });
});

describe.each(FILESYSTEMS)("promise 1: a %s whose superblock", (fsType) => {
  test.each([
    ["is noise", () => noise(1024), SUPERBLOCKS[fsType], 1024],
    ["is zeroed, with all before and after it", () => Buffer.alloc(131_072), 0, 131_072],
  ] as const)("%s is never formatted again", async (_what, bytes, offset, length) => {
    const each = await formatted(fsType);
    const damage = bytes();
    expect(damage.length).toBe(length);
    await byHand(pool, each.thin, each.volume.size, (device) => put(device, offset, damage));
    await expectRefused(each, "INTERNAL", NEVER);
  });
});

describe.each(SIGNATURES)("promise 1: $what", ({ write }) => {
  test("on a volume recorded as formatted is left alone", async () => {
    const each = await formatted("ext4");
    await byHand(pool, each.thin, each.volume.size, async (device) => {
      await run("dd", "if=/dev/zero", `of=${device}`, "bs=1M", "count=16", "oflag=direct", "status=none");
      await write(device, each.volume.size);
    });
    await expectRefused(each, "INTERNAL", NEVER);
  });

  test("on a volume recorded as blank is left alone", async () => {
    const each = await create("xfs");
    await byHand(pool, each.thin, each.volume.size, (device) => write(device, each.volume.size));
    await expectRefused(each, "INTERNAL", NEVER);
  });
});

describe("promise 1: blocks that somebody mapped in a blank volume forbid to format it", () => {
  const size = SIZES.ext4;
  test.each([
    ["at its begin", 0n, 1],
    ["in its middle", size / 2n, 1],
    ["at its end", size - 4096n, 1],
    ["although they are zeros", 65_536n, 0],
  ])("(%s)", async (_where, offset, byte) => {
    const each = await create("ext4");
    await byHand(pool, each.thin, size, (device) => put(device, Number(offset), Buffer.alloc(4096, byte)));
    await expectRefused(each, "INTERNAL", NEVER);
    // A copy has the same content, and the same rule.
    const copy = await create("ext4", { volume_content_source: fromVolume(each.volume) });
    await expectRefused(copy, "INTERNAL", NEVER);
  });

  test("(a filesystem that somebody made there is kept)", async () => {
    const each = await create("ext4");
    const marker = "a label of mine";
    await byHand(pool, each.thin, size, (device) => run("mkfs.ext4", "-q", "-L", marker, device));
    const mark = bench.mark();
    await life.stage(each.volume);
    expect(mark.mkfs()).toEqual([]);
    expect(await run("findmnt", "--noheadings", "--output", "LABEL", each.volume.stagingPath)).toBe(marker);
  });
});

describe("promise 1: a filesystem that was not asked for is neither mounted nor replaced", () => {
  test.each([
    ["ext4", "xfs"],
    ["xfs", "btrfs"],
    ["btrfs", "ext4"],
  ] as const)("(%s, asked for %s)", async (held, asked) => {
    const message = new RegExp(`holds ${held}, ${asked} was asked for: correct fsType`);
    const each = await formatted(held);
    await expectRefused(each, "FAILED_PRECONDITION", message, { content: asked });
    await life.stage(each.volume);
    expect(await readFile(`${each.volume.stagingPath}/letter`, "utf8")).toBe("dear reader");
    await expectRefused(await create(held), "FAILED_PRECONDITION", message, { content: asked });
  });

  test("(another one than recorded, made by somebody)", async () => {
    const each = await formatted("xfs");
    await byHand(pool, each.thin, each.volume.size, async (device) => {
      await run("wipefs", "--all", "--quiet", device);
      await run("mkfs.ext4", "-q", "-F", device);
    });
    await expectRefused(each, "FAILED_PRECONDITION", /holds ext4, xfs was asked for/);
  });
});

describe("promise 1: copies are never formatted", () => {
  test.each(FILESYSTEMS)("a restored %s that reads blank", async (fsType) => {
    const { volume } = await formatted(fsType);
    const snapshot = await life.snapshot(`s${count++}`, volume);
    const restored = await create(fsType, { volume_content_source: fromSnapshot(snapshot) });
    await byHand(pool, restored.thin, volume.size, (device) => run("blkdiscard", device));
    await expectRefused(restored, "INTERNAL", NEVER);
    const again = await create(fsType, { volume_content_source: fromSnapshot(snapshot) });
    await life.stage(again.volume);
    expect(await readFile(`${again.volume.stagingPath}/letter`, "utf8")).toBe("dear reader");
  });

  test("a clone of a raw volume that holds no filesystem", async () => {
    const raw = await create("block");
    await life.stage(raw.volume);
    await put(`/dev/mapper/${raw.volume.device}`, 0, noise(8192));
    const clone = await create("ext4", { volume_content_source: fromVolume(raw.volume) });
    await expectRefused(clone, "INTERNAL", NEVER);
  });

  test("a clone of a raw volume that holds one: it is mounted", async () => {
    const raw = await create("block");
    await life.stage(raw.volume);
    await run("mkfs.ext4", "-q", "-L", "mine", `/dev/mapper/${raw.volume.device}`);
    const clone = await create("ext4", { volume_content_source: fromVolume(raw.volume) });
    const mark = bench.mark();
    await life.stage(clone.volume);
    expect(await run("findmnt", "--noheadings", "--output", "LABEL", clone.volume.stagingPath)).toBe("mine");
    expect(mark.mkfs()).toEqual([]);
  });

  test("a raw clone of a filesystem shows its bytes and stays raw", async () => {
    const origin = await formatted("ext4");
    const clone = await create("block", { volume_content_source: fromVolume(origin.volume) });
    expect(await content(clone)).toBe(await content(origin));
    await expectRefused(clone, "FAILED_PRECONDITION", /was created for access type block, not mount/, {
      content: "ext4",
    });
    await expectRefused(origin, "FAILED_PRECONDITION", /was created for access type mount, not block/, {
      content: "block",
    });
    await life.stage(clone.volume);
    expect(await digestOf(`/dev/mapper/${clone.volume.device}`)).toBe(await content(origin));
  });
});

describe.each(FILESYSTEMS)("promises 1, 4: a driver killed inside mkfs.%s", (fsType) => {
  test.each([
    ["whose mkfs dies with it", "dies"],
    ["whose mkfs goes on without it", "goes on"],
  ])("(%s) formats a fresh thin when it is asked again", async (_what, fate) => {
    const each = await create(fsType);
    await pool.data.delayWrites(300);
    const answer = outcomeOf(life.stage(each.volume));
    const mkfs = await mkfsUnderWay(each.volume);
    process.kill(mkfs, "SIGSTOP");
    if (fate === "dies") await pool.data.heal();
    await bench.driver.kill();
    expect((await answer).code).toBe("UNAVAILABLE");
    if (fate === "dies") {
      process.kill(mkfs, "SIGKILL");
      await bench.restart();
    } else {
      await restartBeside(mkfs, bench, pool);
      expect(isMkfs(String(mkfs))).toBe(false);
    }
    const copy = life.create("copy", fsType, SIZES[fsType], {
      volume_content_source: fromVolume(each.volume),
    });
    await expectCode(copy, "ABORTED", /being prepared/);

    const mark = bench.mark();
    await life.stage(each.volume);
    expect(mark.mkfs()).toHaveLength(1);
    expect(await thinIds(pool.name)).not.toContain(String(each.thin));
    await writeFile(`${each.volume.stagingPath}/letter`, "dear reader", { flush: true });
    await life.unstage(each.volume);
    await life.stage(each.volume);
    expect(mark.mkfs()).toHaveLength(1);
    expect(await readFile(`${each.volume.stagingPath}/letter`, "utf8")).toBe("dear reader");
  });
});
