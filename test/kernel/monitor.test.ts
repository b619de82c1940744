/** A driver that is watched: metrics over HTTP, the report on its socket, the commands; with a real pool, and a stuck one. */
import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dmthinCommand, MAIN } from "../support/dmthin-command.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SlowTools } from "../support/slow-tools.ts";
import { capabilityOf, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "watched";
const STUCK = "stuck";
const GONE = "gone";
const ADDRESS = "127.0.0.1:9809";
const MIB = 2 ** 20;
/** More than four fifths of the pool, and no more than may be promised of it. */
const FILLING = 54n << 20n;

let directory: string;
let driver: TestDriver;
let life: VolumeLife;
let slow: SlowTools;
let volume: TestVolume;

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "monitor-"));
  slow = new SlowTools(join(directory, "tools"), join(directory, "orders"));
  driver = await startDriver({
    directory,
    pools: [
      loopPool(directory, POOL, "64MiB"),
      { ...loopPool(directory, STUCK, "64MiB"), overprovision: 2 },
      { name: GONE, backing: "parts", data: "/dev/disk/none", metadata: "/dev/disk/none-either" },
    ],
    config: { defaultPool: POOL, metrics: { listen: ADDRESS } },
  });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
});

afterAll(async () => {
  await driver.kill();
  slow.remove();
  for (const pool of [POOL, STUCK]) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

async function get(page: string): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`http://${ADDRESS}${page}`);
  return { status: answer.status, body: await answer.text() };
}

const ready = () => get("/readyz");

/** `name{label="value",…}` → value. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const { status, body } = await get("/metrics");
  expect(status).toBe(200);
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const of = (name: string, pool = POOL, more = ""): string => `dmthin_${name}{pool="${pool}"${more}}`;
const DMSETUP = 'dmthin_commands_total{tool="dmsetup",exit_code="0"}';

test("health and readiness are told, with the pools that are missing", async () => {
  await expect.poll(() => ready().catch(() => undefined), { timeout: 10_000 }).toMatchObject({ status: 200 });
  expect(await get("/healthz")).toEqual({ status: 200, body: "ok\n" });
  expect((await ready()).body).toMatch(
    /^ready\npool gone is not open: \/dev\/disk\/none-either: no such device/,
  );
});

test("a pool that is not open is down, with the condition that says why", async () => {
  const metrics = await scrape();
  expect(metrics.get(of("pool_up", GONE))).toBe(0);
  expect(metrics.get(of("pool_condition", GONE, ',condition="DeviceMissing"'))).toBe(1);
  expect(metrics.get(of("pool_life_events_total", GONE, ',event="open-failed"'))).toBeGreaterThan(0);
});

test("volumes, calls, turns and suspends are in the next scrape", async () => {
  const before = await scrape();
  expect(before.get(of("pool_up"))).toBe(1);
  expect(before.get(of("pool_data_used_bytes"))).toBe(0);
  expect(before.get(of("pool_suspend_duration_seconds_count"))).toBe(0);
  volume = await life.create("letters", "block", 8n << 20n);
  await life.use(volume);
  await run("dd", "if=/dev/urandom", `of=${volume.targetPath}`, "bs=1M", "count=4", "oflag=direct");
  const snapshot = await life.snapshot("cut", volume);
  const metrics = await scrape();
  expect(metrics.get(of("pool_data_used_bytes"))).toBe(4 * MIB);
  expect(metrics.get(of("pool_promised_bytes"))).toBe(12 * MIB);
  expect(metrics.get(of("pool_volumes"))).toBe(1);
  expect(metrics.get(of("pool_snapshots"))).toBe(1);
  expect(metrics.get(of("pool_mode", POOL, ',mode="rw"'))).toBe(1);
  expect(metrics.get(of("pool_suspend_duration_seconds_count"))).toBe(1);
  expect(metrics.get(of("pool_queue_wait_seconds_count"))).toBeGreaterThan(1);
  expect(metrics.get('dmthin_rpc_duration_seconds_count{method="CreateVolume",code="OK"}')).toBe(1);
  const labels = `,volume_id="${volume.id}",name="letters"`;
  expect(metrics.get(of("volume_size_bytes", POOL, labels))).toBe(8 * MIB);
  expect(metrics.get(of("volume_staged", POOL, labels))).toBe(1);
  // Of a volume in use too, by the one command for its pool; the other pool has its own.
  expect(metrics.get(of("volume_mapped_bytes", POOL, labels))).toBe(4 * MIB);
  expect(((await scrape()).get(DMSETUP) ?? 0) - (metrics.get(DMSETUP) ?? 0)).toBe(2);
  await life.release(volume);
  const after = await scrape();
  expect(after.get(of("volume_mapped_bytes", POOL, labels))).toBe(4 * MIB);
  expect(after.get(of("volume_staged", POOL, labels))).toBe(0);
  await driver.client.controller.deleteSnapshot({ snapshot_id: snapshot.snapshot_id });
});

test("a scrape asks the kernel once a pool, and scrapes at once share that", async () => {
  const first = (await scrape()).get(DMSETUP) ?? 0;
  const second = (await scrape()).get(DMSETUP) ?? 0;
  // Two pools are open.
  expect(second - first).toBe(2);
  slow.hold();
  slow.order("before", `dmsetup status --noflush dmthin-${POOL}-pool`);
  const scrapes = Array.from({ length: 8 }, scrape);
  await slow.reach(1);
  slow.release();
  await Promise.all(scrapes);
  expect(slow.waiting()).toBe(1);
});

test("a stuck pool holds up no scrape of the others", async () => {
  slow.hold();
  slow.order("before", `dmsetup status --noflush dmthin-${STUCK}-pool`);
  try {
    const started = performance.now();
    const [one, two] = await Promise.all([scrape(), scrape()]);
    expect(performance.now() - started).toBeLessThan(9000);
    for (const metrics of [one, two]) {
      expect(metrics.get(of("pool_up", STUCK))).toBe(0);
      expect(metrics.has(of("pool_data_used_bytes", STUCK))).toBe(false);
      expect(metrics.get(of("pool_up"))).toBe(1);
    }
    // The next one joins the look that is stuck.
    await scrape();
    expect(slow.waiting()).toBe(1);
  } finally {
    slow.release();
  }
  await expect.poll(async () => (await scrape()).get(of("pool_up", STUCK)), { timeout: 10_000 }).toBe(1);
});

test("a pool that fills is told at the next scrape", async () => {
  const filling = await life.create("filling", "block", FILLING - (8n << 20n));
  await life.use(filling);
  await run("dd", "if=/dev/zero", `of=${filling.targetPath}`, "bs=1M", "count=46", "oflag=direct");
  await life.use(volume);
  await run("dd", "if=/dev/zero", `of=${volume.targetPath}`, "bs=1M", "count=8", "oflag=direct");
  const metrics = await scrape();
  expect(metrics.get(of("pool_data_used_bytes"))).toBe(Number(FILLING));
  expect(metrics.get(of("pool_condition", POOL, ',condition="DataLow"'))).toBe(1);
  expect(metrics.get(of("pool_condition", POOL, ',condition="OutOfData"'))).toBe(0);
  await life.end(filling);
  expect((await scrape()).get(of("pool_condition", POOL, ',condition="DataLow"'))).toBe(0);
  await life.release(volume);
});

const condition = (type: string): string => of("pool_condition", STUCK, `,condition="${type}"`);

test("a full pool is told at the next scrape, and that it has room again", async () => {
  const large = await driver.client.controller.createVolume({
    name: "large",
    parameters: { pool: STUCK },
    capacity_range: { required_bytes: String(80 * MIB) },
    volume_capabilities: [capabilityOf("block")],
  });
  const volumes = new VolumeLife({
    csi: () => driver.client,
    kubeletDirectory: driver.kubeletDirectory,
    pool: STUCK,
  });
  const filled = volumes.known("large", large.volume?.volume_id ?? "", "block", BigInt(80 * MIB));
  await volumes.use(filled);
  const written = run("dd", "if=/dev/zero", `of=${filled.targetPath}`, "bs=1M", "oflag=direct");
  await expect(written).rejects.toThrow(/No space left on device/);
  const full = await scrape();
  expect(full.get(condition("OutOfData"))).toBe(1);
  expect(full.get(of("pool_mode", STUCK, ',mode="out_of_data_space"'))).toBe(1);
  expect(full.get(of("pool_available_bytes", STUCK))).toBe(0);
  expect((await dmthin("status")).stdout).toMatch(
    /^stuck: OutOfData: its data is full: 100 % \(64 MiB of 64 MiB\)$/m,
  );
  await volumes.end(filled);
  await expect.poll(async () => (await scrape()).get(condition("OutOfData")), { timeout: 20_000 }).toBe(0);
});

test("a foreign hand is found by the next scrape, which fences the pool", async () => {
  expect((await scrape()).get(condition("ForeignWriter"))).toBe(0);
  const device = `dmthin-${STUCK}-pool`;
  const now = Number((await run("dmsetup", "status", "--noflush", device)).split(" ")[3]);
  await run("dmsetup", "message", device, "0", `set_transaction_id ${now} ${now + 5}`);
  const metrics = await scrape();
  expect(metrics.get(condition("ForeignWriter"))).toBe(1);
  expect(metrics.get(condition("ReadOnly"))).toBe(1);
  expect(metrics.get(of("pool_up", STUCK))).toBe(1);
  expect((await dmthin("pool", "show", STUCK)).stdout).toMatch(
    /^State: +read-only\nTrouble: +ReadOnly: foreign hands: /m,
  );
});

/** `dmthin …` as a person on the node types it. */
const dmthin = (...words: readonly string[]) =>
  dmthinCommand([...words, "--config", join(directory, "dmthin.yaml")]);

describe("the commands", () => {
  test("ask over a socket of root's", () => {
    expect(statSync(join(directory, "state/report.sock")).mode & 0o777).toBe(0o600);
  });

  test("show the node, its pools and what is wrong with them", async () => {
    const { code, stdout, stderr } = await dmthin("status");
    expect([code, stderr]).toEqual([4, ""]);
    expect(stdout).toMatch(/^Node: +test-node$/m);
    expect(stdout).toMatch(/^watched +ready +\d+ % of 64 MiB +/m);
    expect(stdout).toMatch(/^gone +not open +- /m);
    expect(stdout).toMatch(/^gone: DeviceMissing: .*\/dev\/disk\/none-either: no such device/m);
    expect((await dmthin("pool", "list")).stdout).toMatch(/^POOL +STATE +DATA .*\nwatched +ready/);
  });

  test("show a pool as the kernel has it", async () => {
    const { code, stdout } = await dmthin("pool", "show", POOL, "-o", "json");
    const { figures } = JSON.parse(stdout) as { figures: Record<string, unknown> };
    const [, , , transactionId, metadata = ""] = (
      await run("dmsetup", "status", "--noflush", `dmthin-${POOL}-pool`)
    ).split(" ");
    expect(code).toBe(0);
    expect(figures).toMatchObject({
      state: "ready",
      transactionId,
      blockSize: String(64 * 1024),
      data: { size: String(64 * MIB) },
      metadata: { used: String(Number(metadata.split("/")[0]) * 4096) },
    });
    expect((await dmthin("pool", "show", POOL)).stdout).toMatch(/^Library version: +\d/m);
    expect(await dmthin("pool", "show", "last")).toMatchObject({ code: 3, stdout: "" });
  });

  test("show volumes and snapshots", async () => {
    const snapshot = await life.snapshot("shown", volume);
    const list = await dmthin("volume", "list");
    // A pool is not open: what it has is not in the list.
    expect(list).toMatchObject({ code: 4, stderr: expect.stringMatching(/not listed.*gone/) as string });
    expect(list.stdout).toContain(volume.id);
    const shown = await dmthin("snapshot", "show", "shown", "-o", "json");
    expect(JSON.parse(shown.stdout)).toMatchObject({
      id: snapshot.snapshot_id,
      sourceVolumeId: volume.id,
      mapped: String(8 * MIB),
    });
    await driver.client.controller.deleteSnapshot({ snapshot_id: snapshot.snapshot_id });
    expect((await dmthin("snapshot", "list", "-o", "json")).stdout).toBe("[]\n");
  });

  test("watch until SIGINT", async () => {
    const args = [MAIN, "watch", "--every", "1", "--config", join(directory, "dmthin.yaml")];
    const { promise, resolve } = Promise.withResolvers<{ code: number | null; text: string }>();
    let text = "";
    const child = execFile(process.execPath, args, () => resolve({ code: child.exitCode, text }));
    child.stdout?.on("data", (piece: string) => {
      text += piece;
      if (text.includes(POOL)) child.kill("SIGINT");
    });
    expect(await promise).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^\d{4}-.*Z\nNode: /) as string,
    });
  });

  test("say that no driver answers, when none does", async () => {
    expect(await driver.stop()).toBe(0);
    expect(existsSync(join(directory, "state/report.sock"))).toBe(false);
    expect(await dmthin("status")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no driver answers at .*report.sock: there is no such socket/) as string,
    });
  });
});
