/**
 * From a configured pool to an open one: locks → devices → catalog → fence → recovery. A pool that does not pass the
 * fence is opened read-only: its objects are listed, nothing is written.
 */
import type { DmDevice, PoolStatus, ThinListing } from "../core/dm.ts";
import { PoolSetupError, PoolUnavailableError, PreconditionError, messageOf } from "../core/errors.ts";
import type { PoolName, PoolUuid, ThinId } from "../core/ids.ts";
import { parseThinUuid, volumeId } from "../core/ids.ts";
import type { Operations } from "../core/operations.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { CatalogContent, PoolRecord, VolumeRecord } from "../core/records.ts";
import { bytesFromBlocks } from "../core/units.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import type { ResumeGuard } from "../host/guard-client.ts";
import type { HeldLock } from "../host/lock-file.ts";
import { takeLock } from "../host/lock-file.ts";
import type { Runner } from "../host/run.ts";
import { resumePool } from "../host/suspended-sweep.ts";
import { listThins, withMetadataSnapshot } from "../host/thin-tools.ts";
import { checkFence } from "../plan/fence.ts";
import { planRecovery } from "../plan/recover.ts";
import type { AfterStep } from "../plan/step.ts";
import type { Report } from "./backing.ts";
import { openCatalog } from "./catalog.ts";
import type { Catalog } from "./catalog.ts";
import type { DeviceStack } from "./device-stack.ts";
import { openDeviceStack } from "./device-stack.ts";
import type { PoolCondition } from "./engine.ts";
import { troubleOf } from "./execute.ts";
import { FillLog } from "./fill-log.ts";
import { growPool } from "./grow-pool.ts";
import { MessageQueue } from "./queue.ts";
import { PoolState } from "./state.ts";
import { ThinDevices } from "./thin-devices.ts";
import { ThinPool } from "./thin-pool.ts";
import { watchPool } from "./watch.ts";

export interface OpenDependencies {
  readonly stateDirectory: string;
  readonly runner: Runner;
  readonly guard: ResumeGuard;
  readonly operations: Operations;
  readonly report: Report;
  readonly now: () => Date;
  readonly afterStep: AfterStep;
}

export interface OpenedPool {
  readonly pool: ThinPool;
  /** Ends the driver's hold. Devices, mounts and data stay as they are: I/O goes on without a driver. */
  close(): Promise<void>;
}

/** How long a new driver waits for tools that a dead one left behind. */
const ORPHAN_PATIENCE_MS = 60_000;
/** A catalog call that takes longer has met a stuck disk. */
const CATALOG_DEADLINE_MS = 15_000;
/** A message that has not got its turn by then is not begun. */
const QUEUE_PATIENCE_MS = 30_000;

export async function openPool(options: PoolOptions, dependencies: OpenDependencies): Promise<OpenedPool> {
  const { runner, stateDirectory } = dependencies;
  const releases: (() => Promise<void> | void)[] = [];
  // Each is tried whatever the others do: a catalog that cannot be unmounted must not keep the locks.
  const close = async (): Promise<void> => {
    for (const release of releases.splice(0).toReversed()) {
      try {
        await release();
      } catch (error) {
        dependencies.report("warn", `pool ${options.name}: not given up cleanly: ${messageOf(error)}`);
      }
    }
  };
  const lock = async (held: Runner, name: string): Promise<HeldLock> => {
    const taken = await takeLock(held, `${stateDirectory}/${name}.lock`, { waitMs: ORPHAN_PATIENCE_MS });
    releases.push(() => taken.release());
    return taken;
  };
  try {
    // By name first: two drivers must not both find the devices empty and create a pool on them.
    const byName = await lock(runner, `pool-${options.name}`);
    const stack = await openDeviceStack(options, {
      runner: runner.holding([byName.fd]),
      stateDirectory,
      report: dependencies.report,
      onStep: dependencies.afterStep,
      // Then by uuid: the same pool may be configured under two names, and the guard and the sweep know only the uuid.
      holdUuid: async (uuid) => {
        const held = runner.holding([byName.fd, (await lock(runner, uuid)).fd]);
        const problems = await resumePool(held, uuid);
        if (problems.length > 0)
          throw new PoolUnavailableError(`pool ${options.name}: ${problems.join("; ")}`);
        return held;
      },
    });
    releases.push(() => stack.release());
    const catalog = await openCatalog(`${stack.catalogPath}/catalog.db`, {
      deadlineMs: CATALOG_DEADLINE_MS,
      ...(stack.fresh ? { create: firstRecord(stack.uuid, options.name) } : {}),
    });
    releases.push(() => catalog.close());
    const pool = await assemble(options, stack, catalog, dependencies);
    const watch = watchPool(pool, runner, dependencies.report);
    releases.push(() => watch.close());
    return { pool, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Ids start at 1: thin 0 is what people make by hand. */
const firstRecord = (uuid: PoolUuid, name: PoolName): PoolRecord => ({
  uuid,
  name,
  transactionId: 0n,
  thinIdLimit: 1,
});

async function assemble(
  options: PoolOptions,
  stack: DeviceStack,
  catalog: Catalog,
  dependencies: OpenDependencies,
): Promise<ThinPool> {
  const dmsetup = new Dmsetup(stack.runner);
  const content = await catalog.load();
  if (content.pool.uuid !== stack.uuid) {
    throw new PoolSetupError(
      `pool ${options.name}: its catalog is of pool ${content.pool.uuid}, its devices are of ${stack.uuid}`,
    );
  }
  const queue = new MessageQueue(options.name, QUEUE_PATIENCE_MS);
  const read = async (): Promise<ActiveStatus> =>
    requireActive(options.name, await dmsetup.poolStatus(stack.poolDevice, { flush: false }));
  const grow = (): Promise<void> => growPool(stack, options, queue, dependencies.report);
  let status = await read();
  if (isOutOfMetadata(status) && fitsTransaction(content.pool, status)) {
    // More metadata brings it back, and until then nothing can be enumerated.
    await grow();
    status = await read();
  }
  const devices = (await dmsetup.list()).filter((device) => parseThinUuid(device.uuid)?.pool === stack.uuid);
  const trouble = troubleOf(status);
  const thins = trouble === undefined ? await enumerate(dmsetup, stack) : undefined;
  const verdict = thins && checkFence(content, status.transactionId, thins, devices);
  const condition = conditionOf(trouble, verdict?.excess ?? []);
  for (const id of verdict?.lost ?? [])
    dependencies.report("error", `pool ${options.name}: the thin of ${id} is missing; it cannot be used`);
  const state = new PoolState(
    withoutStaleStaging(content, devices),
    stack.blockSize,
    verdict?.lost ?? new Set(),
  );
  noteMapped(state, thins ?? [], devices, content, stack);
  if (condition.kind === "ready" && !stack.fresh) {
    await grow();
    status = await read();
  }
  const fillLog = new FillLog(options.name, dependencies.report);
  const pool = new ThinPool({
    name: options.name,
    uuid: stack.uuid,
    blockSize: stack.blockSize,
    zeroesNewBlocks: stack.zeroesNewBlocks,
    overprovision: options.overprovision,
    state,
    catalog,
    operations: dependencies.operations,
    status,
    condition,
    onFill: (fill) => fillLog.note(fill),
    ...(stack.hostBytes === undefined ? {} : { hostBytes: stack.hostBytes }),
    now: dependencies.now,
    hands: {
      poolDevice: stack.poolDevice,
      dmsetup,
      runner: stack.runner,
      guard: dependencies.guard,
      queue,
      isSuspended: (device) => findDmDevice(device)?.suspended === true,
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
  await pool.refreshHostBytes();
  if (condition.kind !== "ready") {
    dependencies.report("error", `pool ${options.name} is ${condition.kind}: ${condition.reason}`);
    return pool;
  }
  await settle(pool, content, devices, verdict?.finishBump ?? false, dependencies.report);
  await stack.finishCreation();
  return pool;
}

type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

const isOutOfMetadata = ({ mode, needsCheck }: ActiveStatus): boolean => mode === "ro" && !needsCheck;

/** The least that must be so before a pool is touched whose thins cannot be listed. */
const fitsTransaction = ({ transactionId }: PoolRecord, status: ActiveStatus): boolean =>
  status.transactionId === transactionId || status.transactionId === transactionId - 1n;

function requireActive(name: PoolName, status: PoolStatus): ActiveStatus {
  if (status.kind === "active") return status;
  throw new PoolUnavailableError(
    `pool ${name}: the kernel reports it as failed; mend its disk, end the pods that use it, then run dmthin pool repair ${name}`,
  );
}

function conditionOf(trouble: string | undefined, excess: readonly string[]): PoolCondition {
  if (trouble !== undefined) return { kind: "unusable", reason: trouble };
  if (excess.length === 0) return { kind: "ready" };
  const shown = excess.slice(0, 5).join("; ");
  const more = excess.length > 5 ? `; and ${excess.length - 5} more` : "";
  return {
    kind: "read-only",
    reason: `foreign hands, or an old copy of the catalog: ${shown}${more}; nothing was changed`,
  };
}

async function enumerate(dmsetup: Dmsetup, stack: DeviceStack): Promise<readonly ThinListing[]> {
  return withMetadataSnapshot(dmsetup, stack.poolDevice, () =>
    listThins(stack.runner, stack.metadataPath, { live: true }),
  );
}

/** Finish the half-done bump, settle what was under way, then make the kernel's transaction id newer than any copy. */
async function settle(
  pool: ThinPool,
  content: CatalogContent,
  devices: readonly DmDevice[],
  finishBump: boolean,
  report: Report,
): Promise<void> {
  const { transactionId } = content.pool;
  if (finishBump)
    await pool.perform([{ kind: "set-transaction-id", from: transactionId - 1n, to: transactionId }]);
  for (const plan of planRecovery(content, devices)) {
    try {
      await pool.perform(plan);
    } catch (error) {
      // Only "still in use" may wait for a retry of the request; all else means that the pool is not as it must be.
      if (!(error instanceof PreconditionError)) throw error;
      report("warn", `pool ${pool.name}: left for later: ${messageOf(error)}`);
    }
  }
  await pool.fence.bump();
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
