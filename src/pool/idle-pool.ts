/**
 * A pool in the hands of a command while no driver has it: its locks, its linear devices, its catalog to read. The pool
 * device itself is not made; where it is active, it is left so.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockDevice, DmDevice } from "../core/dm.ts";
import { messageOf, PoolSetupError, PoolUnavailableError } from "../core/errors.ts";
import type { DmName, ObjectKey, PoolName, PoolUuid } from "../core/ids.ts";
import { parseThinUuid, poolDeviceName } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { CatalogContent } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import type { HeldLock } from "../host/lock-file.ts";
import { takeLock } from "../host/lock-file.ts";
import { mountsOfDevice, readMountInfo } from "../host/mount-info.ts";
import type { Runner } from "../host/run.ts";
import { resumePool } from "../host/suspended-sweep.ts";
import type { BackingDevices, OnStep, Report } from "./backing.ts";
import { prepareBacking } from "./backing.ts";
import { openCatalog } from "./catalog.ts";
import { mountCatalog, unmountCatalog } from "./catalog-filesystem.ts";
import { backingOf } from "./device-stack.ts";
import { extent } from "./layout.ts";
import type { Extents } from "./layout.ts";
import { findOwn, LinearDevices } from "./linear-devices.ts";
import type { LinearNodes } from "./linear-devices.ts";

export interface IdleContext {
  readonly runner: Runner;
  readonly stateDirectory: string;
  readonly report: Report;
  readonly onStep: OnStep;
  /** How long a driver is waited for that holds the pool; 20 s unless given. */
  readonly patienceMs?: number;
  /**
   * The name that the pool is to get. Locks and devices have it from the beginning: the old one may be that of another pool
   * here. Who opens the pool under the old one meets the lock of its uuid.
   */
  readonly as?: PoolName;
}

/** An active thin and who has it. */
export interface ActiveThin {
  readonly device: DmName;
  readonly key: ObjectKey;
  readonly open: number;
  /** In this mount namespace. */
  readonly mountPoints: readonly string[];
}

export interface IdlePool {
  readonly uuid: PoolUuid;
  /** Its tools hold the pool's locks. */
  readonly runner: Runner;
  readonly dmsetup: Dmsetup;
  readonly blockSize: Bytes;
  readonly nodes: LinearNodes;
  readonly poolDevice: DmName;
  /** Or why it cannot be read. */
  readonly catalog: CatalogContent | string;
  isActive(): Promise<boolean>;
  activeThins(): Promise<readonly ActiveThin[]>;
  /** Neither the pool device nor a thin may be active. Afterwards `nodes` are gone; only `close` is left to do. */
  swapMetaAndSpare(): Promise<void>;
  /** The labels get the name that the pool was to have. Afterwards `nodes` are gone; only `close` is left to do. */
  rename(): Promise<void>;
  /** Gives up the locks; an inactive pool gets its devices taken down. */
  close(): Promise<void>;
}

/** A driver that has given a pool up looks at it again every so often, and holds it meanwhile. */
const DRIVER_PATIENCE_MS = 20_000;
const RETRY_MS = 500;
const ORPHAN_PATIENCE_MS = 60_000;
const CATALOG_DEADLINE_MS = 15_000;

/** Throws PoolUnavailableError where a driver goes on holding the pool, PoolSetupError where its devices are not right. */
export async function holdIdlePool(options: PoolOptions, context: IdleContext): Promise<IdlePool> {
  const releases: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const release of releases.splice(0).toReversed()) {
      try {
        await release();
      } catch (error) {
        context.report("warn", `pool ${options.name}: not given up cleanly: ${messageOf(error)}`);
      }
    }
  };
  try {
    return await hold(options, context, releases, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function hold(
  options: PoolOptions,
  context: IdleContext,
  releases: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<IdlePool> {
  const { runner, stateDirectory, report, onStep } = context;
  const name = context.as ?? options.name;
  const lock = async (tools: Runner, file: string): Promise<HeldLock> => {
    const taken = await takeFreeLock(tools, `${stateDirectory}/${file}.lock`, options.name, context);
    releases.push(() => taken.release());
    return taken;
  };
  // The same two locks in the same order as a driver takes them.
  const byName = await lock(runner, `pool-${name}`);
  const prepared = await prepareBacking(options, backingOf(options, []), {
    runner: runner.holding([byName.fd]),
    mayCreate: false,
    report,
    onStep,
  });
  const { uuid, fresh } = prepared;
  if (fresh)
    throw new PoolSetupError(
      `pool ${options.name} is not there, or was never completed; the driver makes it at its start`,
    );
  const held = runner.holding([byName.fd, (await lock(runner, uuid)).fd]);
  const problems = await resumePool(held, uuid);
  if (problems.length > 0) throw new PoolUnavailableError(`pool ${options.name}: ${problems.join("; ")}`);
  const devices = await prepared.materialize(held);
  const dmsetup = new Dmsetup(held);
  const linears = new LinearDevices({
    dmsetup,
    name,
    uuid,
    onStep,
  });
  const isActive = async (): Promise<boolean> =>
    findOwn(await dmsetup.list(), name, uuid, "pool") !== undefined;
  releases.push(async () => {
    if (await isActive()) return;
    await linears.remove();
    await devices.detach();
  });
  const nodes = await linears.ensure(devices.segments);
  const directory = `${stateDirectory}/${uuid}`;
  releases.push(() => unmountCatalog(held, directory));
  return {
    uuid,
    runner: held,
    dmsetup,
    blockSize: devices.blockSize,
    nodes,
    poolDevice: poolDeviceName(name, "pool"),
    catalog: await readCatalog(held, report, nodes.catalog, directory),
    isActive,
    activeThins: async () => activeThins(await dmsetup.list(), uuid),
    swapMetaAndSpare: () => swap(linears, devices, onStep),
    rename: async () => {
      await unmountCatalog(held, directory);
      // Before the labels: who is stopped between two of them leaves no device of any name.
      await onStep("remove linear devices");
      await linears.remove();
      await devices.rename(name);
    },
    close,
  };
}

/** A driver holds it only for moments, or for as long as it lives: after a while this says so. */
async function takeFreeLock(
  runner: Runner,
  path: string,
  pool: string,
  { patienceMs = DRIVER_PATIENCE_MS, report }: IdleContext,
): Promise<HeldLock> {
  const end = performance.now() + patienceMs;
  for (let told = false; ; told = true) {
    try {
      return await takeLock(runner, path, { waitMs: ORPHAN_PATIENCE_MS });
    } catch (error) {
      if (!(error instanceof PoolUnavailableError)) throw error;
      if (performance.now() > end) {
        throw new PoolUnavailableError(
          `pool ${pool} is in use: ${messageOf(error)}; a driver gives a pool up by itself when its metadata fails; else stop the driver (mounted volumes go on without it) and repeat`,
          { cause: error },
        );
      }
      if (!told) report("info", `waiting for the pool: ${messageOf(error)}`);
    }
    await sleep(RETRY_MS);
  }
}

async function readCatalog(
  runner: Runner,
  report: Report,
  device: BlockDevice,
  directory: string,
): Promise<CatalogContent | string> {
  try {
    const path = await mountCatalog(runner, report, device, directory);
    const catalog = await openCatalog(`${path}/catalog.db`, { deadlineMs: CATALOG_DEADLINE_MS });
    try {
      return await catalog.load();
    } finally {
      await catalog.close();
    }
  } catch (error) {
    return messageOf(error);
  }
}

function activeThins(devices: readonly DmDevice[], uuid: PoolUuid): readonly ActiveThin[] {
  const mounts = readMountInfo();
  return devices.flatMap(({ name, uuid: own, number, open }) => {
    const thin = parseThinUuid(own);
    if (thin?.pool !== uuid) return [];
    const mountPoints = mountsOfDevice(mounts, number).map(({ entry }) => entry.mountPoint);
    return [{ device: name, key: thin.key, open, mountPoints }];
  });
}

/**
 * The labels change when no device stands on the old ones: whoever is stopped before, in between or after finds no device
 * that says other than the labels.
 */
async function swap(linears: LinearDevices, devices: BackingDevices, onStep: OnStep): Promise<void> {
  await onStep("remove meta and spare");
  await linears.remove(["meta", "spare"]);
  await devices.relabel(exchanged(devices.extents));
}

/** Meta and spare in each other's place. */
function exchanged(extents: Extents): Extents {
  const { meta, spare, further } = extents;
  const other = { meta: "spare", spare: "meta", data: "data", catalog: "catalog" } as const;
  return {
    ...extents,
    meta: { ...spare, role: "meta" },
    spare: { ...meta, role: "spare" },
    ...(further === undefined
      ? {}
      : {
          further: further.map(({ role, member, offset, length }) =>
            extent(other[role], member, offset, length),
          ),
        }),
  };
}
