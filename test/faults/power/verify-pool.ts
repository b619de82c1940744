/** Everything that must hold of a pool after a crash, tried through a new driver. Ends with an empty pool, taken down. */
import { cpSync, mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { lastLines, startDriver, type TestDriver } from "../../support/driver.ts";
import { run, takeDown, thinIds } from "../../support/machine-state.ts";
import { fromSnapshot, SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";
import type { Violation } from "../case.ts";
import { memberName } from "./events.ts";
import { Findings } from "./findings.ts";
import { inspect } from "./inspection.ts";
import { compareAtOnce, compareInFull, list } from "./listing.ts";
import { checkMetadata } from "./metadata-check.ts";
import type { Model, SnapshotModel, VolumeModel } from "./model.ts";
import { isLive, knownVolume, membersOf, repeatUnanswered } from "./repeat.ts";
import type { ReadyDisks } from "./pool-disks.ts";
import { POOL } from "./settings.ts";

export interface VerifyOptions {
  readonly model: Model;
  readonly disks: ReadyDisks;
  /** The driver's socket, state and log; on a filesystem that a crash would empty. */
  readonly directory: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly figures: {
    /** From its start to ready, recovery included. */
    readonly startMs: number;
    readonly volumes: number;
    readonly snapshots: number;
    /** Calls that had no answer and were made again. */
    readonly repeated: number;
    /** Data blocks that the kernel took and did not map before the crash. */
    readonly leaked: number;
  };
}

type Counts = ReadonlyMap<string, number>;

export async function verifyPool(options: VerifyOptions): Promise<Verdict> {
  const { model, disks, directory } = options;
  const findings = new Findings();
  for (const failure of model.failures) findings.report(4, `refused though nothing was wrong: ${failure}`);
  const leaked = await checkMetadata(findings, disks.metadata, "before the driver's start");
  for (const each of SHARED_DIRECTORIES) mkdirSync(`${directory}/kubelet/${each}`, { recursive: true });
  const started = performance.now();
  const driver = await findings.attempt(4, "the driver does not come up", () =>
    startDriver({ directory, pools: [disks.config] }),
  );
  const startMs = Math.round(performance.now() - started);
  const figures = { startMs, volumes: 0, snapshots: 0, repeated: 0, leaked };
  if (driver !== undefined) {
    Object.assign(figures, await verifyObjects(findings, model, driver, leaked));
    await findings.attempt(4, "the driver does not stop", () => driver.stop());
    await findings.attempt(4, "the catalog is not readable", () => checkCatalog(findings, directory));
  }
  await takeDown(POOL, [directory, disks.directory ?? directory]);
  await checkMetadata(findings, disks.metadata, "at the end");
  const { violations } = findings;
  if (violations.length > 0 && driver !== undefined) console.log(lastLines(driver.log, 60));
  return { violations, figures };
}

async function verifyObjects(
  findings: Findings,
  model: Model,
  driver: TestDriver,
  leaked: number,
): Promise<Omit<Verdict["figures"], "startMs" | "leaked">> {
  const { client: csi, kubeletDirectory } = driver;
  const life = new VolumeLife({ csi: () => csi, kubeletDirectory, pool: POOL });
  const atOnce = await list(csi);
  compareAtOnce(findings, model, atOnce);
  const present = new Set([...atOnce.volumes.keys(), ...atOnce.snapshots.keys()]);
  const repeated = await repeatUnanswered({ csi, life, findings, model, present });
  const { volumes, snapshots } = await compareInFull(findings, model, csi);
  const thins = await thinIds(POOL);
  const objects = volumes.size + snapshots.size;
  findings.expect(4, thins.length === objects, `${thins.length} thins for ${objects} volumes and snapshots`);
  await checkCapacity(findings, csi, [...volumes.values()]);
  const there = [...model.snapshots.values()].filter((each) => isLive(each) && snapshots.has(each.id ?? ""));
  const restored = await inspectSnapshots(findings, life, there);
  checkGroups(findings, model, restored);
  const live = [...model.volumes.values()].filter((each) => isLive(each) && volumes.has(each.id ?? ""));
  checkPair(findings, model, "after the crash", await inspectVolumes(findings, life, live));
  await findings.attempt(4, "the pool cannot be emptied", () => empty(findings, model, driver, leaked));
  return { volumes: volumes.size, snapshots: snapshots.size, repeated };
}

async function inspectVolumes(
  findings: Findings,
  life: VolumeLife,
  volumes: readonly VolumeModel[],
): Promise<Counts> {
  const counts = new Map<string, number>();
  for (const each of volumes) {
    const what = `volume ${each.name} (${each.content})`;
    const streams = [...each.inherited, each.own];
    const found = await inspect(life, findings, {
      volume: knownVolume(life, each),
      streams,
      what,
      writable: true,
    });
    counts.set(each.name, found.get(each.name) ?? 0);
  }
  return counts;
}

/** By the name of the snapshot: what its restore holds. */
async function inspectSnapshots(
  findings: Findings,
  life: VolumeLife,
  snapshots: readonly SnapshotModel[],
): Promise<ReadonlyMap<string, Counts>> {
  const all = new Map<string, Counts>();
  for (const { name, id = "", content, size, inherited } of snapshots) {
    const what = `restore of snapshot ${name} (${content})`;
    const source = fromSnapshot({ snapshot_id: id });
    const volume = await findings.attempt(2, what, () => life.copy(`check-${name}`, source, content, size));
    if (volume === undefined) continue;
    all.set(name, await inspect(life, findings, { volume, streams: inherited, what, writable: false }));
    await findings.attempt(4, `${what}: delete`, () => life.delete(volume));
  }
  return all;
}

/** The two are written to in turns: at any one point in time the first has as many records as the second, or one more. */
function checkPair(findings: Findings, model: Model, when: string, counts: Counts): void {
  const [first, second] = model.pair ?? [];
  if (first === undefined || second === undefined) return;
  const [one, two] = [counts.get(first), counts.get(second)];
  if (one === undefined || two === undefined) return;
  const inTurns = one === two || one === two + 1;
  findings.expect(
    3,
    inTurns,
    `${when}: ${one} records in ${first}, ${two} in ${second}: not one point in time`,
  );
}

function checkGroups(findings: Findings, model: Model, restored: ReadonlyMap<string, Counts>): void {
  for (const group of [...model.groups.values()].filter(isLive)) {
    const counts = membersOf(model, group.name).flatMap(({ source }) => {
      const count = restored.get(memberName(group.name, source))?.get(source);
      return count === undefined ? [] : [[source, count] as const];
    });
    checkPair(findings, model, `group snapshot ${group.name}`, new Map(counts));
  }
}

/** Bytes still to be promised, never more than what the volumes leave. */
async function checkCapacity(
  findings: Findings,
  { controller }: TestDriver["client"],
  sizes: readonly bigint[],
): Promise<void> {
  const status = await run("dmsetup", "status", `dmthin-${POOL}-pool`);
  const [, blocks = 0] = status.split(" ")[5]?.split("/") ?? [];
  const total = BigInt(blocks) * 65_536n;
  const { available_capacity } = await controller.getCapacity({});
  const left = total - sizes.reduce((sum, size) => sum + size, 0n);
  const plausible = BigInt(available_capacity) >= 0n && BigInt(available_capacity) <= left;
  findings.expect(4, plausible, `capacity ${available_capacity}, at most ${left} of ${total} are left`);
}

async function empty(
  findings: Findings,
  model: Model,
  { client }: TestDriver,
  leaked: number,
): Promise<void> {
  for (const group of [...model.groups.values()].filter(isLive)) {
    const snapshot_ids = membersOf(model, group.name).flatMap(({ id }) => id ?? []);
    const request = { group_snapshot_id: group.id ?? "", snapshot_ids };
    await client.groupController.deleteVolumeGroupSnapshot(request);
  }
  const listing = await list(client);
  for (const snapshot_id of listing.snapshots.keys()) await client.controller.deleteSnapshot({ snapshot_id });
  for (const volume_id of listing.volumes.keys()) await client.controller.deleteVolume({ volume_id });
  const left = await thinIds(POOL);
  findings.expect(4, left.length === 0, `thins are left in an empty pool: ${left.join(", ")}`);
  const used = (await run("dmsetup", "status", `dmthin-${POOL}-pool`)).split(" ")[5] ?? "";
  const evidence = `an empty pool has ${used} blocks in use, ${leaked} were leaked before`;
  findings.expect(4, used.startsWith(`${leaked}/`), evidence);
}

/** Intents that nobody will finish any more are seen in no list. */
async function checkCatalog(findings: Findings, directory: string): Promise<void> {
  const path = `${directory}/catalog-check`;
  mkdirSync(path);
  await run("mount", "-o", "ro", `/dev/mapper/dmthin-${POOL}-catalog`, path);
  // SQLite wants to write beside what it reads.
  cpSync(path, `${path}-copy`, { recursive: true });
  await run("umount", path);
  using database = new DatabaseSync(`${path}-copy/catalog.db`);
  for (const table of ["volumes", "snapshots", "groups", "thins"]) {
    const rows = database.prepare(`SELECT * FROM ${table}`).all();
    findings.expect(
      4,
      rows.length === 0,
      `the catalog of an empty pool has ${table}: ${JSON.stringify(rows)}`,
    );
  }
}
