/**
 * ADR 0013: what LVM does with a thin pool of its own in which somebody else has made thins. What it bears, and why dmthin
 * takes no such pool all the same. Should one of these tests fail with a new LVM, that record is to be read again.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { sha256Raw, writeRaw } from "../support/content.ts";
import { linesOf, run } from "../support/machine-state.ts";
import { VolumeGroup } from "../support/volume-group.ts";

const GROUP = "dmthintest";
const POOL = `${GROUP}-tp`;
const MEBIBYTES = 64;
/** As dmthin would choose it, out of the way of LVM's own numbers. */
const HIGH = 0x800000;

let group: VolumeGroup;

const message = (text: string): Promise<string> => run("dmsetup", "message", POOL, "0", text);
const deviceOf = (id: number): string => `/dev/mapper/hand-lvm-${id}`;
const activate = (id: number): Promise<string> => {
  const table = `0 ${MEBIBYTES * 2048} thin /dev/mapper/${POOL} ${id}`;
  return run("dmsetup", "create", `hand-lvm-${id}`, "--table", table);
};
const deactivate = (id: number): Promise<string> => run("dmsetup", "remove", "--retry", `hand-lvm-${id}`);
const WHOLE = { mebibyte: 0, count: 20 };

/** A thin that LVM has no record of, active, with random content. Answers its checksum. */
async function thin(id: number): Promise<string> {
  await message(`create_thin ${id}`);
  await activate(id);
  return writeRaw(deviceOf(id), WHOLE);
}

/** Words of the pool's status, from its transaction id on. */
async function status(pool = POOL): Promise<{ readonly transaction: string; readonly mode: string }> {
  const words = (await run("dmsetup", "status", pool)).split(" ");
  return { transaction: words[3] ?? "", mode: words[7] ?? "" };
}

const makePool = (mebibytes: number): Promise<string> => {
  const sizes = [`--size=${mebibytes}M`, "--poolmetadatasize=16M", "--chunksize=64k"];
  return group.lvm("lvcreate", "--type=thin-pool", ...sizes, "--name=tp", GROUP);
};
const firstOfLvm = (): Promise<string> =>
  group.lvm("lvcreate", "--yes", `--virtualsize=${MEBIBYTES}M`, "--thinpool=tp", "--name=lv1", GROUP);
const off = (): Promise<string> => group.lvm("vgchange", "--activate=n", GROUP);
const on = (): Promise<string> => group.lvm("vgchange", "--activate=y", GROUP);

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it never came that ${what}`);
    await sleep(200);
  }
}

beforeEach(async () => {
  group = await VolumeGroup.create(GROUP, [2048]);
});
afterEach(async () => {
  const names = await run("dmsetup", "info", "-c", "--noheadings", "-o", "name");
  for (const name of linesOf(names))
    if (name.startsWith("hand-lvm-")) await run("dmsetup", "remove", "--retry", name);
  await group.remove();
});

describe("a thin pool of LVM with thins that LVM does not know", () => {
  test("is extended under them, data and metadata", async () => {
    await makePool(256);
    const content = await thin(HIGH);
    await group.lvm("lvextend", "--size=+256M", group.lv("tp"));
    await group.lvm("lvextend", "--poolmetadatasize=+16M", group.lv("tp"));
    expect(await run("dmsetup", "status", POOL)).toMatch(/^0 1048576 thin-pool 0 \d+\/8192 320\/8192 - rw /);
    expect(Number(await group.field("tp", "data_percent"))).toBeCloseTo((100 * 320) / 8192, 1);
    expect(await sha256Raw(deviceOf(HIGH), WHOLE)).toBe(content);
  });

  test("is extended by dmeventd when they fill it", async () => {
    const monitored = (yes: "y" | "n") =>
      group.lvm("lvchange", "--config=activation/monitoring=1", `--monitor=${yes}`, group.lv("tp"));
    const daemon = spawn("env", [...group.environment, "dmeventd", "-f"], { stdio: "ignore" });
    try {
      await makePool(128);
      await until("dmeventd listens", async () => existsSync("/run/dmeventd-server"));
      await monitored("y");
      for (const id of [HIGH, HIGH + 1]) {
        await message(`create_thin ${id}`);
        await activate(id);
        await writeRaw(deviceOf(id), { mebibyte: 0, count: 50 });
      }
      await until("it is extended", async () => Number(await group.field("tp", "lv_size")) > 140);
      expect(await status()).toEqual({ transaction: "0", mode: "rw" });
      await monitored("n");
    } finally {
      const gone = once(daemon, "exit");
      daemon.kill("SIGKILL");
      await gone;
    }
  });

  test("is not deactivated, repaired or removed while one is active; then it is, checked at activation, with their content", async () => {
    await makePool(256);
    const content = await thin(HIGH);
    await expect(off()).rejects.toThrow(/tp is used by another device/);
    await expect(group.lvm("lvremove", "--yes", group.lv("tp"))).rejects.toThrow(/used by another device/);
    await deactivate(HIGH);
    await off();
    await group.lvm("lvconvert", "--yes", "--repair", group.lv("tp"));
    await group.lvm("lvremove", "--yes", group.lv("tp_meta0"));
    const env = [...group.environment, "vgchange", "--activate=y", "-vv", GROUP];
    expect(await run("sh", "-c", 'exec env "$@" 2>&1', "-", ...env)).toContain("thin_check -q /dev/mapper/");
    await activate(HIGH);
    expect(await sha256Raw(deviceOf(HIGH), WHOLE)).toBe(content);
  });

  test("may have a transaction id that is not LVM's: then LVM makes no volume in it, and does all else", async () => {
    await makePool(256);
    const content = await thin(HIGH);
    await message("set_transaction_id 0 7");
    await group.lvm("lvextend", "--size=+64M", group.lv("tp"));
    await deactivate(HIGH);
    await off();
    await on();
    await expect(firstOfLvm()).rejects.toThrow(/transaction id 7 .* Expected transaction id 0/);
    await activate(HIGH);
    expect([await status(), await sha256Raw(deviceOf(HIGH), WHOLE)]).toEqual([
      { transaction: "7", mode: "rw" },
      content,
    ]);
  });
});

describe("why dmthin takes no such pool", () => {
  test("LVM takes zeroing off under an active volume, which then shows what another one had held", async () => {
    await makePool(64);
    await message(`create_thin ${HIGH}`);
    await activate(HIGH);
    // All of the pool but a little, so that its blocks have to be used again.
    await run(
      "sh",
      "-c",
      `yes TENANT-A | dd of=${deviceOf(HIGH)} bs=1M count=63 iflag=fullblock oflag=direct`,
    );
    await deactivate(HIGH);
    await message(`delete ${HIGH}`);
    await message(`create_thin ${HIGH + 1}`);
    await activate(HIGH + 1);
    const touch = async (block: number): Promise<string> => {
      const place = [`of=${deviceOf(HIGH + 1)}`, `seek=${block * 16}`];
      await run("dd", "if=/dev/zero", ...place, "bs=4k", "count=1", "oflag=direct", "conv=notrunc");
      const read = `dd if=${deviceOf(HIGH + 1)} bs=64k skip=${block} count=1 iflag=direct status=none`;
      return run("sh", "-c", `${read} | tr -d '\\0' | head -c 40`);
    };
    // More than were never used.
    for (let block = 0; block < 24; block += 1) expect(await touch(block)).toBe("");
    await group.lvm("lvchange", "--zero=n", group.lv("tp"));
    expect(await run("dmsetup", "table", POOL)).toContain("skip_block_zeroing");
    expect(await touch(24)).toContain("TENANT-A");
  });

  test("LVM's first volume is the thin 1 of somebody else, with its content", async () => {
    await makePool(256);
    const content = await thin(1);
    await deactivate(1);
    await firstOfLvm();
    expect(await group.field("lv1", "thin_id")).toBe("1");
    expect(await sha256Raw(group.path("lv1"), WHOLE)).toBe(content);
  });

  test("LVM makes a volume and goes on in the transaction id, while no volume of dmthin is active", async () => {
    await makePool(256);
    await thin(HIGH);
    await expect(firstOfLvm()).rejects.toThrow(/used by another device/);
    await deactivate(HIGH);
    await firstOfLvm();
    // dmthin's fence would say: foreign hands.
    expect(await status(`${POOL}-tpool`)).toEqual({ transaction: "1", mode: "rw" });
  });

  test("LVM counts no volume in it, and removes it as an empty one", async () => {
    await makePool(256);
    await thin(HIGH);
    expect(await group.field("tp", "thin_count")).toBe("0");
    await deactivate(HIGH);
    await group.lvm("lvremove", "--yes", group.lv("tp"));
    expect(await group.lvm("lvs", "--noheadings", GROUP)).toBe("");
  });
});
