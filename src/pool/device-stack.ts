/**
 * The dm devices of a pool: dm-linear `catalog`, `meta`, `spare`, `data` on its backing, a thin-pool on two of them, and
 * the catalog's filesystem. They live in the kernel and outlive the driver: opening finds them as they are, or builds
 * what is missing; what is there and different is never changed.
 */
import type { DevNumber } from "../core/dm.ts";
import { messageOf } from "../core/errors.ts";
import type { DmName, PoolUuid } from "../core/ids.ts";
import { poolDeviceName } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import { formatBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import type { Runner } from "../host/run.ts";
import { prepareBacking } from "./backing.ts";
import type { Backing, BackingDevices, OnStep, Report } from "./backing.ts";
import { LoopBacking } from "./backing-loop.ts";
import { PartsBacking } from "./backing-parts.ts";
import { makeCatalogFilesystem, mountCatalog, unmountCatalog } from "./catalog-filesystem.ts";
import { DevicesBacking } from "./devices/backing-devices.ts";
import { sameExtents } from "./growth.ts";
import type { Wish } from "./growth.ts";
import { lengthOf } from "./layout.ts";
import type { Extents } from "./layout.ts";
import { LinearDevices } from "./linear-devices.ts";
import { PoolTarget } from "./pool-target.ts";

export interface StackContext {
  readonly runner: Runner;
  /** Absolute; its mode is 0700. */
  readonly stateDirectory: string;
  readonly report: Report;
  /** The other pools of the configuration: none of them may mean a disk that is selected for this one. */
  readonly others?: readonly PoolOptions[];
  /** Whether a pool may be made where none is; true unless given. */
  readonly mayCreate?: boolean;
  /** Called when the uuid is known and nothing has been written: takes its lock, returns a runner that holds it too. */
  readonly holdUuid: (uuid: PoolUuid) => Promise<Runner>;
  readonly onStep?: OnStep;
}

export interface DeviceStack {
  readonly uuid: PoolUuid;
  /** Holds the pool's locks for as long as its tools run. */
  readonly runner: Runner;
  /** The pool is new: no catalog, no thin. It counts as made once `finishCreation` has resolved. */
  readonly fresh: boolean;
  readonly blockSize: Bytes;
  readonly dataBytes: Bytes;
  readonly metadataBytes: Bytes;
  readonly poolDevice: DmName;
  readonly poolNumber: DevNumber;
  /** By the live table. Without it a new block shows what was there before. */
  readonly zeroesNewBlocks: boolean;
  /** Directory of the catalog's filesystem. */
  readonly catalogPath: string;
  /** Node of the thin metadata, for thin_ls and its kin. */
  readonly metadataPath: string;
  /** Of backing `devices`: those that the pool is on now, as configured. */
  readonly disks: readonly string[];
  /** Loop only: free bytes of the filesystem below, and what the data file has of it already. */
  readonly hostBytes?: () => Promise<Bytes>;
  /**
   * Grows data and metadata towards what is asked for, under running volumes, each step durable before the next: devices
   * longer → labels → dm-linear → thin-pool. What stops in between is finished by the next open. Answers what was not
   * done, and why. `exclusively`: runs the part that touches live devices, as nothing else may then.
   */
  grow(wish: Wish, exclusively: Exclusively): Promise<readonly string[]>;
  /** The commit point of creation; for a pool that is complete: nothing. May be repeated. */
  finishCreation(): Promise<void>;
  /** Ends the driver's hold: unmounts the catalog. All devices stay active. May be repeated. */
  release(): Promise<void>;
  /** Takes everything down, in order, and keeps the data. No thin may be active. May be repeated. */
  deactivate(): Promise<void>;
}

export type Exclusively = (work: () => Promise<void>) => Promise<void>;

/** `others`: all pools of the configuration. */
export function backingOf(options: PoolOptions, others: readonly PoolOptions[]): Backing {
  switch (options.backing) {
    case "loop":
      return new LoopBacking(options);
    case "parts":
      return new PartsBacking(options);
    case "devices":
      return new DevicesBacking(options, others);
  }
}

/** Finds or makes the pool's devices. Throws PoolSetupError: device, reason, cure. Leaves no mount behind where it throws. */
export async function openDeviceStack(options: PoolOptions, context: StackContext): Promise<DeviceStack> {
  const { report, stateDirectory } = context;
  const onStep = context.onStep ?? (() => {});
  const prepared = await prepareBacking(options, backingOf(options, context.others ?? []), {
    runner: context.runner,
    mayCreate: context.mayCreate ?? true,
    report,
    onStep,
  });
  const { uuid } = prepared;
  const runner = await context.holdUuid(uuid);
  const directory = `${stateDirectory}/${uuid}`;
  try {
    const devices = await prepared.materialize(runner);
    return await build(options, { runner, report, onStep, directory }, devices);
  } catch (error) {
    await unmountCatalog(runner, directory).catch((failure: unknown) => {
      report("warn", `pool ${options.name}: the catalog stays mounted: ${messageOf(failure)}`);
    });
    throw error;
  }
}

interface BuildContext {
  readonly runner: Runner;
  readonly report: Report;
  readonly onStep: OnStep;
  /** `<state>/<uuid>`. */
  readonly directory: string;
}

async function build(
  options: PoolOptions,
  context: BuildContext,
  devices: BackingDevices,
): Promise<DeviceStack> {
  const { runner, report, onStep, directory } = context;
  const { uuid, fresh } = devices;
  const dmsetup = new Dmsetup(runner);
  const linears = new LinearDevices({
    dmsetup,
    name: options.name,
    uuid,
    onStep,
  });
  const pool = new PoolTarget({
    runner,
    dmsetup,
    options,
    uuid,
    blockSize: devices.blockSize,
    report,
    onStep,
  });

  if (fresh) {
    // A creation that was cut off may have left anything; none of it was ever acknowledged.
    await unmountCatalog(runner, directory);
    await pool.remove();
    await linears.remove();
  }
  let linear = await linears.ensure(devices.segments);
  if (fresh) {
    await onStep("make catalog filesystem");
    await makeCatalogFilesystem(runner, linear.catalog);
    await onStep("zero metadata");
    await pool.blankMetadata(linear.meta);
  }
  const active = await pool.ensure(linear.meta, linear.data, fresh);
  await onStep("mount catalog");
  const catalogPath = await mountCatalog(runner, report, linear.catalog, directory);

  return {
    uuid,
    runner,
    fresh,
    blockSize: devices.blockSize,
    get dataBytes() {
      return linear.data.size;
    },
    get metadataBytes() {
      return linear.meta.size;
    },
    poolDevice: poolDeviceName(options.name, "pool"),
    poolNumber: active.number,
    zeroesNewBlocks: active.zeroesNewBlocks,
    catalogPath,
    metadataPath: linear.meta.path,
    get disks() {
      return devices.disks;
    },
    ...(devices.hostBytes === undefined ? {} : { hostBytes: devices.hostBytes }),
    grow: async (wish, exclusively) => {
      const now = devices.extents;
      const { extents, refusals, notes = [] } = await devices.growth(wish);
      if (sameExtents(now, extents)) return refusals;
      const obstacle = await pool.obstacleTo(now, extents);
      if (obstacle !== undefined) return [...refusals, obstacle];
      for (const note of notes) report("warn", `pool ${options.name}: ${note}`);
      await devices.extend(extents);
      await exclusively(async () => {
        if (extents.spare.offset !== now.spare.offset) {
          await onStep("remove spare");
          await linears.remove(["spare"]);
        }
        await devices.relabel(extents);
        linear = await linears.ensure(devices.segments);
        await pool.ensure(linear.meta, linear.data, false);
      });
      if (await pool.isAsLongAs(extents))
        report("info", `pool ${options.name} has grown: ${growthText(now, extents)}`);
      return refusals;
    },
    finishCreation: async () => {
      if (!fresh) return;
      await onStep("finish creation");
      await pool.flush();
      await devices.writeReady();
    },
    release: () => unmountCatalog(runner, directory),
    deactivate: async () => {
      await unmountCatalog(runner, directory);
      await pool.remove();
      await linears.remove();
      await devices.detach();
    },
  };
}

function growthText(now: Extents, then: Extents): string {
  return (["data", "meta"] as const)
    .map((role) => ({ role, from: lengthOf(now, role), to: lengthOf(then, role) }))
    .filter(({ from, to }) => to > from)
    .map(({ role, from, to }) => `${role} from ${formatBytes(from)} to ${formatBytes(to)}`)
    .join(", ");
}
