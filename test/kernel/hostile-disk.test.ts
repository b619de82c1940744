/** A disk that stops answering, under one pool: it stops that pool and nothing else (promise 7), and nothing is lost. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { startDriver, loopPool, type TestDriver } from "../support/driver.ts";
import { machineState, run, takeDown, type MachineState } from "../support/machine-state.ts";
import { expectCode, outcomeOf } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { retried } from "../support/retried.ts";
import { capabilityOf, SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";
import { scratchDirectory } from "../support/scratch.ts";

const MIB = 2048;
/** Sectors of the devices laid over the second disk of the test kernel; a pool of backing `parts` lies on them. */
const UNDER = { catalog: 256 * MIB, metadata: 512 * MIB, data: 6144 * MIB } as const;
type Under = keyof typeof UNDER;
const ROLES = ["data", "metadata", "catalog"] as const satisfies readonly Under[];

const DEADLINE_MS = 4000;
/** What a busy machine may add to any call. */
const STUCK_MS = 15_000;
/** Until all of them are under way: each starts a process or two, and the test kernel has one processor. */
const BEGIN_MS = 1500;
/** Of each kind; together far more than the driver has threads. */
const STUCK_CALLS = 5;

let directory: string;
let driver: TestDriver;
let before: MachineState;
let calm: VolumeLife;
let stuck: VolumeLife;
/** On the pool that gets stuck: one that is written to, one that is only staged, one that is not. */
let written: TestVolume;
let staged: TestVolume;
let idle: TestVolume;
let letter: string;
let usual: ReadonlyMap<string, number>;

const inStuck = { parameters: { pool: "stuck" } };
const path = (role: Under): string => `/dev/mapper/under-${role}`;
const start = (): Promise<TestDriver> =>
  startDriver({
    directory,
    pools: [
      loopPool(directory, "calm", "2GiB"),
      {
        name: "stuck",
        backing: "parts",
        data: path("data"),
        metadata: path("metadata"),
        catalog: path("catalog"),
      },
    ],
    config: { defaultPool: "calm" },
  });
const stuckState = (): Promise<MachineState> =>
  machineState({ pool: "stuck", csi: driver.client, kubeletDirectory: driver.kubeletDirectory });

beforeAll(async () => {
  const disk = process.env["DMTHIN_DISKS"]?.split(/\s+/)[1] ?? "/missing";
  let begin = 0;
  for (const role of ROLES) {
    await run("dmsetup", "create", `under-${role}`, "--table", `0 ${UNDER[role]} linear ${disk} ${begin}`);
    await run("dd", "if=/dev/zero", `of=${path(role)}`, "bs=1M", "count=2", "conv=fsync", "status=none");
    begin += UNDER[role];
  }
  directory = await mkdtemp(`${scratchDirectory()}/hostile-disk-`);
  driver = await start();
  const { kubeletDirectory } = driver;
  for (const each of SHARED_DIRECTORIES) await mkdir(`${kubeletDirectory}/${each}`, { recursive: true });
  const lifeIn = (pool: string) => new VolumeLife({ csi: () => driver.client, kubeletDirectory, pool });
  [calm, stuck] = [lifeIn("calm"), lifeIn("stuck")];
  written = await stuck.create("written", "ext4", 64n << 20n, inStuck);
  staged = await stuck.create("staged", "xfs", 300n << 20n, inStuck);
  idle = await stuck.create("idle", "ext4", 64n << 20n, inStuck);
  await stuck.use(written);
  letter = await writeRandom(`${written.targetPath}/letter`, 8);
  await stuck.snapshot("kept", written);
  usual = await round("usual");
});

afterAll(async () => {
  await driver.stop();
  for (const pool of ["calm", "stuck"]) await takeDown(pool, [directory]);
  for (const role of ROLES) await run("dmsetup", "remove", "--retry", `under-${role}`);
  await rm(directory, { recursive: true });
});

/** What each call about the healthy pool takes, in milliseconds. */
async function round(tag: string): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  const timed = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    const begin = performance.now();
    const answer = await call();
    times.set(what, performance.now() - begin);
    return answer;
  };
  const { identity, controller } = driver.client;
  await timed("Probe", () => identity.probe({}));
  const volume = await timed("CreateVolume", () => calm.create(`calm-${tag}`, "ext4"));
  await timed("NodeStage", () => calm.stage(volume));
  await timed("NodePublish", () => calm.publish(volume));
  const snapshot = await timed("CreateSnapshot", () => calm.snapshot(`calm-${tag}`, volume));
  await timed("NodeGetVolumeStats", () => calm.stats(volume));
  await timed("ControllerExpand", () => calm.enlarge(volume, 80n << 20n));
  await timed("NodeExpand", () => calm.expandOnNode(volume));
  // While a pool is absent they would not be complete: refused at once.
  await timed("ListVolumes", () => outcomeOf(controller.listVolumes({})));
  await timed("ListSnapshots", () => outcomeOf(controller.listSnapshots({})));
  await timed("GetCapacity", () => controller.getCapacity({}));
  await timed("NodeUnpublish", () => calm.unpublish(volume));
  await timed("NodeUnstage", () => calm.unstage(volume));
  await timed("DeleteSnapshot", () => calm.deleteSnapshots(snapshot));
  await timed("DeleteVolume", () => calm.delete(volume));
  return times;
}

/** Everything one can ask of the stuck pool, many times over. Each ends by its deadline, with a code that means "retry". */
function stuckCalls(tag: string): Promise<readonly string[]> {
  const { controller, groupController, node } = driver.client;
  const deadline = { deadlineMs: DEADLINE_MS };
  const volume_capability = capabilityOf("ext4");
  const request = { volume_capabilities: [volume_capability], capacity_range: { required_bytes: 64 << 20 } };
  const [source, target] = [{ source_volume_id: written.id }, { target_path: written.targetPath }];
  const kinds: readonly ((name: string) => Promise<unknown>)[] = [
    (name) => controller.createVolume({ name, ...request, ...inStuck }, deadline),
    (name) => controller.createSnapshot({ name, ...source }, deadline),
    (name) => controller.createSnapshot({ name: `${name}-idle`, source_volume_id: idle.id }, deadline),
    (name) => groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [staged.id] }, deadline),
    () =>
      node.nodeStageVolume(
        { volume_id: idle.id, staging_target_path: idle.stagingPath, volume_capability },
        deadline,
      ),
    () =>
      node.nodePublishVolume(
        { volume_id: written.id, staging_target_path: written.stagingPath, ...target, volume_capability },
        deadline,
      ),
    () => node.nodeUnstageVolume({ volume_id: staged.id, staging_target_path: staged.stagingPath }, deadline),
    () => node.nodeGetVolumeStats({ volume_id: written.id, volume_path: written.targetPath }, deadline),
    () =>
      controller.controllerExpandVolume(
        { volume_id: idle.id, capacity_range: { required_bytes: 80 << 20 } },
        deadline,
      ),
  ];
  const begin = performance.now();
  const calls = Array.from({ length: STUCK_CALLS }, (_, index) =>
    kinds.map((call) => call(`${tag}-${index}`)),
  );
  return Promise.all(
    calls.flat().map(async (call) => {
      const { code } = await outcomeOf(call);
      const late = performance.now() - begin - DEADLINE_MS;
      // Not a speed: a call that outlives its deadline waits for the disk, which stays stuck far longer than this.
      return late > STUCK_MS ? `${code}, ${Math.round(late)} ms after its deadline` : code;
    }),
  );
}

/** Not a speed either: what waits for the stuck disk does so for as long as the test keeps it stuck. */
function expectUsual(times: ReadonlyMap<string, number>): void {
  const slow = [...times].filter(([what, ms]) => ms > STUCK_MS + 8 * (usual.get(what) ?? 0));
  expect(slow).toEqual([]);
}

const RETRY = /^(OK|ABORTED|DEADLINE_EXCEEDED|UNAVAILABLE|CANCELLED)$/;

/** Retries whatever `stuckCalls` asked for, as the sidecars do; then takes it all back. */
async function settle(tag: string): Promise<void> {
  const { controller, groupController } = driver.client;
  for (let index = 0; index < STUCK_CALLS; index += 1) {
    const name = `${tag}-${index}`;
    const volume = await retried(() => stuck.create(name, "ext4", 64n << 20n, inStuck));
    const cuts = [
      await retried(() => stuck.snapshot(name, written)),
      await retried(() => stuck.snapshot(`${name}-idle`, idle)),
    ];
    const group = await retried(() =>
      groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [staged.id] }),
    );
    await stuck.delete(volume);
    await stuck.deleteSnapshots(...cuts);
    await groupController.deleteVolumeGroupSnapshot({
      group_snapshot_id: group.group_snapshot?.group_snapshot_id ?? "",
      snapshot_ids: group.group_snapshot?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [],
    });
  }
  await retried(() => stuck.unstage(idle));
  await retried(() =>
    controller.controllerExpandVolume({ volume_id: idle.id, capacity_range: { required_bytes: 80 << 20 } }),
  );
}

beforeEach(async () => {
  await retried(() => stuck.stage(staged));
  await mkdir(idle.stagingPath, { recursive: true });
  before = await stuckState();
});

describe.each(["data", "catalog"] as const)("while the %s device of one pool does not answer", (role) => {
  test("calls about another pool take their usual time; those about the pool end; nothing is lost", async () => {
    const writer = await RecordWriter.start(`${written.targetPath}/${role}`);
    await run("dmsetup", "suspend", "--noflush", "--nolockfs", `under-${role}`);
    try {
      const codes = stuckCalls(role);
      await sleep(BEGIN_MS);
      expectUsual(await round(`stuck-${role}`));
      for (const code of await codes) expect(code).toMatch(RETRY);
    } finally {
      await run("dmsetup", "resume", `under-${role}`);
    }
    await writer.reach(5);
    const durable = await writer.stop();
    await settle(role);
    await retried(() => stuck.unstage(staged));
    await stuck.stage(staged);
    await mkdir(idle.stagingPath, { recursive: true });
    expect(await countRecords(`${written.targetPath}/${role}`)).toBe(durable);
    await rm(`${written.targetPath}/${role}`);
    expect(await sha256(`${written.targetPath}/letter`)).toBe(letter);
    expect({ ...(await stuckState()), usedBlocks: "" }).toEqual({ ...before, usedBlocks: "" });
  });
});

test("a disk that does not answer at the start keeps its own pool away, and comes back by itself", async () => {
  await driver.stop();
  await run("dmsetup", "suspend", "--noflush", "--nolockfs", "under-metadata");
  try {
    driver = await start();
    expectUsual(await round("start"));
    await expectCode(
      driver.client.controller.listVolumes({}),
      "UNAVAILABLE",
      /not open: stuck \(it is still being op/,
    );
    await expectCode(
      stuck.create("early", "block", 64n << 20n, inStuck),
      "UNAVAILABLE",
      /pool stuck is not open/,
    );
  } finally {
    await run("dmsetup", "resume", "under-metadata");
  }
  await stuck.delete(await retried(() => stuck.create("early", "block", 64n << 20n, inStuck)));
  expect(await sha256(`${written.targetPath}/letter`)).toBe(letter);
});
