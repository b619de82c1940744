/**
 * Looks for what lies on the node and belongs to no record. Nothing is changed, no process is started, and no pool's disk
 * is asked. Devices, mounts and records are read in one go, without giving anybody else a turn: a record is there before
 * its device is made and goes after it, so that what is being made or deleted meanwhile is never taken for an orphan.
 */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError, messageOf } from "../core/errors.ts";
import type { DevNumber } from "../core/dm.ts";
import { DM_UUID_PREFIX, keyOf, parsePoolOfUuid } from "../core/ids.ts";
import type { PoolUuid } from "../core/ids.ts";
import type { OrphanList, Unjudged } from "../core/orphans.ts";
import { LOOP_FILES } from "../core/pool-options.ts";
import { holders } from "../host/block-device.ts";
import { listBlockDevices } from "../host/device-list.ts";
import { listDmDevices, readAttribute } from "../host/dm-sysfs.ts";
import type { DmSysfsDevice } from "../host/dm-sysfs.ts";
import { identifyMount, readMountInfo } from "../host/mount-info.ts";
import type { DeviceMount } from "../host/mount-info.ts";
import { listOrphans } from "../plan/orphans.ts";
import type { KnownPool, SeenDevice, SeenLoop, SeenMount } from "../plan/orphans.ts";
import type { AbsentPool, Pool, PoolSet } from "../pool/engine.ts";
import { lookForLabel } from "../pool/label-store.ts";
import type { LabelLook } from "../pool/label-store.ts";
import { KubeletPaths } from "./paths.ts";

export interface OrphanLookOptions {
  readonly pools: Pick<PoolSet, "pools" | "absent">;
  /** Absolute, as configured. */
  readonly kubeletDirectory: string;
  /** How long the label of a loop device is waited for. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 5000;
const DELETED = " (deleted)";

export class OrphanLook {
  readonly #options: OrphanLookOptions;
  readonly #paths: KubeletPaths;
  /** Reads under way: a loop device on a stuck disk gets one, however often it is asked. */
  readonly #labels = new Map<string, Promise<LabelLook>>();

  constructor(options: OrphanLookOptions) {
    this.#options = options;
    this.#paths = new KubeletPaths(options.kubeletDirectory);
  }

  async list(): Promise<OrphanList> {
    const labels = await this.#labelsOfLoops();
    const kubelet = await this.#kubelet();
    // From here on nothing is waited for.
    const dm = listDmDevices();
    const mounts = deviceMounts();
    const { pools } = this.#options;
    const { orphans, unjudged } = listOrphans({
      pools: pools.pools.flatMap(known),
      absent: [...pools.absent, ...pools.pools.flatMap(unusable)],
      devices: ownDevices(dm, mounts),
      mounts: "real" in kubelet ? mountsBelow(kubelet.real, dm, mounts) : [],
      loops: poolLoops().flatMap((loop) => seenLoop(loop, labels)),
    });
    return { orphans, unjudged: "real" in kubelet ? unjudged : [...unjudged, kubelet] };
  }

  async #kubelet(): Promise<{ readonly real: string } | Unjudged> {
    try {
      return { real: await this.#paths.directory() };
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      return { kind: "mount", name: this.#options.kubeletDirectory, why: messageOf(error) };
    }
  }

  /** Of those that nothing of dmthin's is built on: the others tell their pool without a read of any disk. */
  async #labelsOfLoops(): Promise<Labels> {
    const loose = poolLoops().filter(({ number }) => poolAbove(number) === undefined);
    return new Map(
      await Promise.all(loose.map(async (loop) => [keyOfLoop(loop), await this.#label(loop.path)] as const)),
    );
  }

  async #label(path: string): Promise<LabelLook> {
    const under = this.#labels.get(path);
    const look = under ?? lookForLabel(path).finally(() => this.#labels.delete(path));
    this.#labels.set(path, look);
    const late: LabelLook = { kind: "flaw", reason: "is not read in time: its disk may be stuck" };
    return Promise.race([look, sleep(this.#options.patienceMs ?? PATIENCE_MS, late, { ref: false })]);
  }
}

const NAMES: ReadonlySet<string> = new Set(LOOP_FILES.flatMap((name) => [name, `${name}.new`]));

interface PoolLoop extends Pick<SeenLoop, "path" | "file" | "deleted"> {
  readonly number: DevNumber;
}

/** By the name of the file alone. */
const poolLoops = (): readonly PoolLoop[] =>
  listBlockDevices().flatMap(({ path, number, file: shown }) => {
    if (shown === undefined) return [];
    const deleted = shown.endsWith(DELETED);
    const file = deleted ? shown.slice(0, -DELETED.length) : shown;
    return NAMES.has(basename(file)) ? [{ path, number, file, deleted }] : [];
  });

/** By loop device and file: another file may be attached to it the next moment. */
type Labels = ReadonlyMap<string, LabelLook>;
const keyOfLoop = ({ path, file }: PoolLoop): string => `${path} ${file}`;

/** One whose label was not looked at, because something was built on it or it was not there, is seen the next time. */
function seenLoop(loop: PoolLoop, labels: Labels): readonly SeenLoop[] {
  const { path, file, deleted, number } = loop;
  const seen = { path, file, deleted, usedBy: dmAbove(number).map(({ name }) => name) };
  const pool = poolAbove(number);
  if (pool !== undefined) return [{ ...seen, owner: { pool } }];
  const look = labels.get(keyOfLoop(loop));
  if (look?.kind === "flaw") return [{ ...seen, owner: { flaw: look.reason } }];
  if (look?.kind !== "label" || look.label.backing !== "loop") return [];
  return [{ ...seen, owner: { pool: look.label.pool } }];
}

/** What is built on a device, by the names and uuids of the device-mapper; of others the kernel's name. */
const dmAbove = (number: DevNumber): readonly { readonly name: string; readonly uuid: string }[] =>
  holders(number).map((each) => {
    const dm = `/sys/class/block/${each}/dm`;
    return { name: readAttribute(`${dm}/name`) ?? each, uuid: readAttribute(`${dm}/uuid`) ?? "" };
  });

function poolAbove(number: DevNumber): PoolUuid | undefined {
  const [pool] = dmAbove(number).flatMap(({ uuid }) => parsePoolOfUuid(uuid) ?? []);
  return pool;
}

/** Nothing of one that is of no use any more is sure: it is about to be opened again. */
function known(pool: Pool): readonly KnownPool[] {
  const { name, uuid, condition } = pool;
  if (condition.kind === "unusable") return [];
  const keys = new Set([...pool.volumes(), ...pool.snapshots()].map(({ id }) => keyOf(id)));
  return condition.kind === "ready"
    ? [{ name, uuid, keys, unrecorded: [] }]
    : [{ name, uuid, keys, fenced: condition.reason, unrecorded: condition.unrecorded ?? [] }];
}

const unusable = ({ name, condition }: Pool): readonly AbsentPool[] =>
  condition.kind === "unusable" ? [{ name, reason: condition.reason }] : [];

function deviceMounts(): readonly DeviceMount[] {
  const entries = readMountInfo();
  return entries.flatMap((entry) => identifyMount(entry, entries) ?? []);
}

const isOwn = ({ uuid }: DmSysfsDevice): boolean => uuid.startsWith(DM_UUID_PREFIX);

function ownDevices(dm: readonly DmSysfsDevice[], mounts: readonly DeviceMount[]): readonly SeenDevice[] {
  return dm.filter(isOwn).map(({ name, uuid, number }) => ({
    name,
    uuid,
    usedBy: [
      ...mounts.filter((mount) => mount.number === number).map(({ entry }) => entry.mountPoint),
      ...dmAbove(number).map((above) => above.name),
    ],
  }));
}

function mountsBelow(
  directory: string,
  dm: readonly DmSysfsDevice[],
  mounts: readonly DeviceMount[],
): readonly SeenMount[] {
  const uuids = new Map(dm.filter(isOwn).map(({ number, uuid }) => [number, uuid]));
  // What was mounted last goes first.
  return mounts.toReversed().flatMap(({ number, entry: { mountPoint } }) => {
    const uuid = number === undefined ? undefined : uuids.get(number);
    return uuid === undefined || !mountPoint.startsWith(`${directory}/`) ? [] : [{ path: mountPoint, uuid }];
  });
}
