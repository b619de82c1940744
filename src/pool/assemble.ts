/**
 * From a pool's devices and catalog to its engine: fence → recovery. A pool that does not pass the fence is opened
 * read-only: its objects are listed, nothing is written.
 */
import type { DmDevice, PoolStatus, ThinListing } from "../core/dm.ts";
import { PoolSetupError, PreconditionError, TroubledPoolError, messageOf } from "../core/errors.ts";
import type { PoolName, ThinId } from "../core/ids.ts";
import { NOBODY } from "../core/observer.ts";
import type { PoolObserver } from "../core/observer.ts";
import { parseThinUuid, volumeId } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { CatalogContent, PoolRecord, VolumeRecord } from "../core/records.ts";
import { bytesFromBlocks } from "../core/units.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import type { ResumeGuard } from "../host/guard-client.ts";
import { planRecovery } from "../plan/recover.ts";
import type { AfterStep } from "../plan/step.ts";
import type { Report } from "./backing.ts";
import type { Catalog } from "./catalog.ts";
import type { DeviceStack } from "./device-stack.ts";
import { doomedBefore } from "./doomed.ts";
import type { EngineLife } from "./engine-life.ts";
import { examine } from "./examine.ts";
import { troubleOf, wayOut } from "./execute.ts";
import { FillLog } from "./fill-log.ts";
import type { ActiveStatus } from "./known-status.ts";
import type { PoolParts } from "./pool-parts.ts";
import { PoolGrowth } from "./pool-growth.ts";
import { MessageQueue } from "./queue.ts";
import { PoolSpace } from "./space.ts";
import { PoolState } from "./state.ts";
import { ThinDevices } from "./thin-devices.ts";
import { ThinPool } from "./thin-pool.ts";

export interface AssembleDependencies {
  readonly guard: ResumeGuard;
  readonly report: Report;
  readonly now: () => Date;
  /** Of the cluster that asks for volumes, as far as it is known. */
  readonly clusterUid?: () => string | undefined;
  readonly afterStep: AfterStep;
  readonly observer?: PoolObserver;
}

/** What the engine stands on: all of it held by this driver, and nothing of it in the hands of another engine. */
export interface Ground {
  readonly stack: DeviceStack;
  readonly catalog: Catalog;
  readonly life: EngineLife;
}

/** A message that has not got its turn by then is not begun. */
const QUEUE_PATIENCE_MS = 30_000;

export async function assemble(
  options: PoolOptions,
  { stack, catalog, life }: Ground,
  dependencies: AssembleDependencies,
): Promise<ThinPool> {
  const { runner } = life;
  const dmsetup = new Dmsetup(runner);
  const content = named(await catalog.load(), options.name);
  if (content.pool.uuid !== stack.uuid) {
    throw new PoolSetupError(
      `pool ${options.name}: its catalog is of pool ${content.pool.uuid}, its devices are of ${stack.uuid}`,
    );
  }
  const observer = dependencies.observer ?? NOBODY;
  const queue = new MessageQueue(options.name, QUEUE_PATIENCE_MS, observer);
  const read = (): Promise<PoolStatus> => dmsetup.poolStatus(stack.poolDevice, { flush: false });
  const { report } = dependencies;
  const growth = new PoolGrowth({ stack, options, queue, report, operations: life.operations });
  const first = await read();
  // More metadata brings it back, and until then nothing can be enumerated.
  if (isOutOfMetadata(first) && fitsTransaction(content.pool, first)) await growth.outOfMetadata();
  let status = requireActive(options.name, await read());
  const { condition, devices, thins, verdict } = await examine(stack, dmsetup, content, status);
  for (const id of verdict.lost)
    report("error", `pool ${options.name}: the thin of ${id} is missing; it cannot be used`);
  const state = new PoolState(withoutStaleStaging(content, devices), stack.blockSize, verdict.lost);
  noteMapped(state, thins, devices, content, stack);
  if (condition.kind === "ready" && !stack.fresh) {
    await growth.toConfigured();
    status = requireActive(options.name, await read());
  }
  const fillLog = new FillLog(options.name, report);
  let levelsBefore = "";
  const pool = new ThinPool({
    name: options.name,
    uuid: stack.uuid,
    blockSize: stack.blockSize,
    zeroesNewBlocks: stack.zeroesNewBlocks,
    overprovision: options.overprovision,
    discardOnDelete: options.discardOnDelete,
    report,
    state,
    catalog,
    operations: life.operations,
    status,
    condition,
    onFill: (fill) => {
      fillLog.note(fill);
      const levels = `${fill.data.level} ${fill.metadata.level}`;
      if (levels !== levelsBefore) observer.troubleChanged?.(options.name);
      levelsBefore = levels;
      void growth.note(fill);
    },
    space: new PoolSpace({
      name: options.name,
      blockSize: stack.blockSize,
      metadataPath: stack.metadataPath,
      poolDevice: stack.poolDevice,
      dmsetup,
      runner,
      queue,
      operations: life.operations,
      now: dependencies.now,
    }),
    growTo: (wanted) => growth.toConfigured(wanted),
    growAsAsked: (wanted) => growth.asAsked(wanted),
    disks: () => stack.disks,
    ...(stack.hostBytes === undefined ? {} : { hostBytes: stack.hostBytes }),
    now: dependencies.now,
    stamp: () => stampOf(dependencies),
    hands: {
      poolDevice: stack.poolDevice,
      dmsetup,
      runner,
      guard: dependencies.guard,
      queue,
      isSuspended: (device) => findDmDevice(device)?.suspended === true,
      onReleased: (ms) => observer.suspended(options.name, ms),
      devices: new ThinDevices({
        dmsetup,
        queue,
        poolDevice: stack.poolDevice,
        poolNumber: stack.poolNumber,
        poolName: options.name,
        poolUuid: stack.uuid,
        onInactive: (thinId, mapped) => state.mapped.set(thinId, mapped),
      }),
      afterStep: dependencies.afterStep,
    },
  });
  await pool.known.refreshHostBytes();
  if (condition.kind !== "ready") {
    report("error", `pool ${options.name} is ${condition.kind}: ${condition.reason}`);
    return pool;
  }
  await settle(pool, content, { devices, finishBump: verdict.finishBump }, dependencies);
  await stack.finishCreation();
  growth.start(pool);
  // Also those that were to be finished by now and could not be: nobody calls again for what was acknowledged.
  for (const each of doomedBefore(pool)) pool.deletions.start(each);
  return pool;
}

/** The labels name the pool; its record follows with the next transaction id, which every opening makes where it may write. */
const named = (content: CatalogContent, name: PoolName): CatalogContent => ({
  ...content,
  pool: { ...content.pool, name },
});

export const isOutOfMetadata = (status: PoolStatus): status is ActiveStatus =>
  status.kind === "active" && status.mode === "ro" && !status.needsCheck;

/** The least that must be so before a pool is touched whose thins cannot be listed. */
const fitsTransaction = ({ transactionId }: PoolRecord, status: ActiveStatus): boolean =>
  status.transactionId === transactionId || status.transactionId === transactionId - 1n;

/** Throws TroubledPoolError, with the way out, for a pool that takes no changes. */
export function requireActive(name: PoolName, status: PoolStatus): ActiveStatus {
  const trouble = troubleOf(status);
  if (trouble === undefined && status.kind === "active") return status;
  const kind = status.kind === "fail" ? "failed" : status.needsCheck ? "needs-check" : "read-only";
  throw new TroubledPoolError(kind, `pool ${name}: ${trouble}; ${wayOut(name, status)}`);
}

/** Finish the half-done bump, make the transaction id newer than in any copy of either side, settle what was under way. */
async function settle(
  pool: ThinPool,
  content: CatalogContent,
  { devices, finishBump }: { readonly devices: readonly DmDevice[]; readonly finishBump: boolean },
  { report, observer = NOBODY }: AssembleDependencies,
): Promise<void> {
  const { transactionId } = content.pool;
  if (finishBump)
    await pool.perform([{ kind: "set-transaction-id", from: transactionId - 1n, to: transactionId }]);
  // Twice: a kernel one behind its catalog may be a bump cut short, so an older copy of the metadata must be two behind.
  for (let bump = 0; bump < 2; bump += 1) await pool.fence.bump();
  const deletionsGoOn = pool.deletions.discards;
  for (const plan of planRecovery(content, devices, { deletionsGoOn })) {
    try {
      await pool.perform(plan);
      observer.recovered(pool.name, "settled");
    } catch (error) {
      // Only "still in use" may wait for a retry of the request; all else means that the pool is not as it must be.
      if (!(error instanceof PreconditionError)) throw error;
      observer.recovered(pool.name, "left");
      report("warn", `pool ${pool.name}: left for later: ${messageOf(error)}`);
    }
  }
}

/** A staging note without an active device speaks of a time before a reboot. */
function withoutStaleStaging(content: CatalogContent, devices: readonly DmDevice[]): CatalogContent {
  const active = activeVolumes(devices);
  const volumes = content.volumes.map((volume): VolumeRecord => {
    if (volume.staging === undefined || active.has(volume.id)) return volume;
    const { staging: _stale, ...rest } = volume;
    return rest;
  });
  return { ...content, volumes };
}

function activeVolumes(devices: readonly DmDevice[]): ReadonlySet<string> {
  return new Set(
    devices.flatMap((device) => {
      const parsed = device.liveTable ? parseThinUuid(device.uuid) : undefined;
      return parsed === undefined ? [] : [volumeId(parsed.pool, parsed.key)];
    }),
  );
}

/** The listing is exact for inactive thins; an active one may map more at any moment. */
function noteMapped(
  state: PoolState,
  thins: readonly ThinListing[],
  devices: readonly DmDevice[],
  content: CatalogContent,
  stack: DeviceStack,
): void {
  const active = activeVolumes(devices);
  const moving = new Set<ThinId>(
    content.volumes.filter((volume) => active.has(volume.id)).map((volume) => volume.thinId),
  );
  for (const thin of thins) {
    if (!moving.has(thin.thinId))
      state.mapped.set(thin.thinId, bytesFromBlocks(thin.mapped, stack.blockSize));
  }
}

function stampOf({ now, clusterUid }: AssembleDependencies): ReturnType<PoolParts["stamp"]> {
  const uid = clusterUid?.();
  return { createdAt: now().toISOString(), ...(uid === undefined ? {} : { clusterUid: uid }) };
}
