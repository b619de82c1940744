import {
  CapacityRangeError,
  IncompatibleExistingError,
  NotFoundError,
  PreconditionError,
} from "../../src/core/errors.ts";
import {
  groupId,
  isObjectKey,
  isPoolName,
  isPoolUuid,
  snapshotId,
  thinId,
  volumeId,
  type GroupId,
  type ObjectKey,
  type PoolName,
  type PoolUuid,
  type SnapshotId,
  type VolumeId,
} from "../../src/core/ids.ts";
import type { PoolFigures, TrimNote } from "../../src/core/pool-report.ts";
import type { GroupRecord, SnapshotRecord, Source, VolumeRecord } from "../../src/core/records.ts";
import { bytes, GIB, roundUp, type Bytes } from "../../src/core/units.ts";
import type { SizeRange } from "../../src/plan/capacity.ts";
import type { CreateVolumeIntent } from "../../src/plan/volume.ts";
import type { Capacity, Outcome, Pool, PoolCondition, PoolSet } from "../../src/pool/engine.ts";
import { memoryFigures } from "./memory-figures.ts";

/** Of a pool that has nowhere to grow. */
export const NO_GROWTH = { refusals: [], sizes: { data: bytes(0), metadata: bytes(0) } } as const;

/**
 * A pool without disks, for tests of the protocol: it keeps records and follows the contract of pool/engine.ts as far
 * as a caller can see. It proves nothing about pools.
 */
export class MemoryPool implements Pool {
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  condition: PoolCondition = { kind: "ready" };
  readonly zeroesNewBlocks = true;
  readonly reconfigure = async (): Promise<void> => {};
  readonly growAsAsked = async (): Promise<typeof NO_GROWTH> => NO_GROWTH;
  /** Every intent that got here, in order. */
  readonly intents: CreateVolumeIntent[] = [];
  readonly trims = new Map<VolumeId, TrimNote>();
  readonly #volumes = new Map<VolumeId, VolumeRecord>();
  readonly #volumesByName = new Map<string, VolumeId>();
  readonly #snapshots = new Map<SnapshotId, SnapshotRecord>();
  readonly #groups = new Map<GroupId, GroupRecord>();
  #count = 0;

  /** The largest volume that there is room for. */
  room: Bytes = bytes(50n * GIB);
  /** Between a volume that is made and its answer. */
  beforeAnswer: () => Promise<void> = async () => {};

  /** `digit`: a hex digit, repeated, or all 32. */
  constructor(name: string, digit: string) {
    const uuid = digit.length === 32 ? digit : digit.repeat(32);
    if (!isPoolName(name) || !isPoolUuid(uuid))
      throw new RangeError(`no name and digit of a pool: ${name} ${digit}`);
    this.name = name;
    this.uuid = uuid;
  }

  get runner(): never {
    throw new RangeError("a pool in memory starts no tools");
  }

  volume = (id: VolumeId): VolumeRecord | undefined => this.#volumes.get(id);
  volumeByName = (name: string): VolumeRecord | undefined => {
    const id = this.#volumesByName.get(name);
    return id === undefined ? undefined : this.volume(id);
  };
  volumes = (): readonly VolumeRecord[] => [...this.#volumes.values()];
  snapshot = (id: SnapshotId): SnapshotRecord | undefined => this.#snapshots.get(id);
  snapshotByName = (name: string): SnapshotRecord | undefined =>
    this.snapshots().find((each) => each.name === name);
  snapshots = (): readonly SnapshotRecord[] => [...this.#snapshots.values()];
  group = (id: GroupId): GroupRecord | undefined => this.#groups.get(id);
  groupByName = (name: string): GroupRecord | undefined => this.groups().find((each) => each.name === name);
  groups = (): readonly GroupRecord[] => [...this.#groups.values()];

  capacity(): Capacity {
    this.look().catch(() => undefined);
    return this.knownCapacity();
  }

  knownCapacity(): Capacity {
    return { available: bytes(100n * GIB), maximumVolume: this.room, minimumVolume: bytes(4096) };
  }

  /** Puts a record as it is, to test what callers get to see of half-made and half-deleted objects. */
  putVolume(record: VolumeRecord): void {
    this.#volumes.set(record.id, record);
    this.#volumesByName.set(record.name, record.id);
  }

  /** What the next looks meet; they are counted. */
  kernel: () => Promise<void> = async () => {};
  looks = 0;
  /** What is different from an empty pool of 1 GiB. */
  changes: Partial<PoolFigures> = {};

  look(): Promise<void> {
    this.looks += 1;
    return this.kernel();
  }

  measurements = 0;
  async measure(): Promise<void> {
    this.measurements += 1;
    await this.kernel();
  }

  figures(): PoolFigures {
    return memoryFigures(this, this.changes);
  }

  putSnapshot(record: SnapshotRecord): void {
    this.#snapshots.set(record.id, record);
  }

  async createVolume(intent: CreateVolumeIntent): Promise<Outcome<VolumeRecord>> {
    this.intents.push(intent);
    const existing = this.volumeByName(intent.name);
    if (existing !== undefined) {
      if (!isWithin(existing.size, intent.range))
        throw new IncompatibleExistingError(`${intent.name} has another size`);
      return { kind: "identity", record: existing };
    }
    this.#requireSource(intent.source);
    const size = roundUp(intent.range.required ?? GIB, 4096n);
    if (!isWithin(size, intent.range) || size > this.capacity().maximumVolume) {
      throw new CapacityRangeError(`no volume of ${size} bytes is possible`);
    }
    const { fsType } = intent;
    const record: VolumeRecord = {
      id: volumeId(this.uuid, this.#newKey()),
      name: intent.name,
      state: "ready",
      size,
      thinId: thinId(this.#count),
      source: intent.source,
      access: intent.access,
      mkfsOptions: intent.mkfsOptions,
      format: { state: "blank" },
      createdAt: this.#now(),
      ...(fsType === undefined ? {} : { fsType }),
    };
    this.putVolume(record);
    await this.beforeAnswer();
    return { kind: "created", record };
  }

  async deleteVolume(id: VolumeId): Promise<void> {
    if (this.volume(id)?.staging !== undefined) throw new PreconditionError(`${id} is staged`);
    const name = this.volume(id)?.name;
    if (name !== undefined) this.#volumesByName.delete(name);
    this.#volumes.delete(id);
  }

  async createSnapshot(intent: {
    readonly name: string;
    readonly source: VolumeId;
  }): Promise<Outcome<SnapshotRecord>> {
    const existing = this.snapshotByName(intent.name);
    if (existing !== undefined) {
      if (existing.sourceVolumeId !== intent.source) throw new IncompatibleExistingError("of another volume");
      return { kind: "identity", record: existing };
    }
    const record = this.#cut(intent.name, intent.source);
    this.putSnapshot(record);
    return { kind: "created", record };
  }

  async deleteSnapshot(id: SnapshotId): Promise<void> {
    this.#snapshots.delete(id);
  }

  async createGroup(intent: {
    readonly name: string;
    readonly sources: readonly VolumeId[];
  }): Promise<Outcome<GroupRecord>> {
    const existing = this.groupByName(intent.name);
    if (existing !== undefined) return { kind: "identity", record: existing };
    const id = groupId(this.uuid, this.#newKey());
    const members = intent.sources.map((source) => ({
      ...this.#cut(`${intent.name} ${source}`, source),
      groupId: id,
    }));
    for (const member of members) this.putSnapshot(member);
    const record: GroupRecord = {
      id,
      name: intent.name,
      state: "ready",
      sourceVolumeIds: intent.sources,
      snapshotIds: members.map((member) => member.id),
      createdAt: this.#now(),
    };
    this.#groups.set(id, record);
    return { kind: "created", record };
  }

  async deleteGroup(id: GroupId): Promise<void> {
    for (const member of this.group(id)?.snapshotIds ?? []) this.#snapshots.delete(member);
    this.#groups.delete(id);
  }

  async expandVolume(id: VolumeId, range: SizeRange): Promise<VolumeRecord> {
    const record = this.volume(id);
    if (record === undefined) throw new NotFoundError(`${id} does not exist`);
    const size = roundUp(range.required ?? record.size, 4096n);
    const grown = size > record.size ? { ...record, size } : record;
    this.putVolume(grown);
    return grown;
  }

  withVolume(): Promise<never> {
    return Promise.reject(new Error("the Node service has no mounts here"));
  }

  shareVolume(): Promise<never> {
    return Promise.reject(new Error("the Node service has no mounts here"));
  }

  #cut(name: string, source: VolumeId): SnapshotRecord {
    const origin = this.volume(source);
    if (origin === undefined) throw new NotFoundError(`${source} does not exist`);
    return {
      id: snapshotId(this.uuid, this.#newKey()),
      name,
      state: "ready",
      thinId: thinId(this.#count),
      sourceVolumeId: source,
      size: origin.size,
      mapped: bytes(0),
      format: origin.format,
      mkfsOptions: [],
      createdAt: this.#now(),
    };
  }

  #requireSource(source: Source): void {
    if (source.kind === "snapshot" && this.snapshot(source.id) === undefined)
      throw new NotFoundError("no snapshot");
    if (source.kind === "volume" && this.volume(source.id) === undefined)
      throw new NotFoundError("no volume");
  }

  #newKey(): ObjectKey {
    this.#count += 1;
    const key = this.#count.toString(16).padStart(20, "0");
    if (!isObjectKey(key)) throw new RangeError(key);
    return key;
  }

  /** A second apart, so that lists have an order. */
  #now(): string {
    return new Date(1_700_000_000_000 + this.#count * 1000 + 5).toISOString();
  }
}

function isWithin(size: Bytes, { required, limit }: SizeRange): boolean {
  return (required === undefined || size >= required) && (limit === undefined || size <= limit);
}

/** `absent`: names of pools that are configured and not open. The first pool is the default unless told otherwise. */
export function memoryPools(
  pools: readonly MemoryPool[],
  absent: readonly string[] = [],
  defaultPool: MemoryPool | undefined = pools[0],
): PoolSet {
  return {
    pools,
    default: defaultPool,
    byName: (name) => pools.find((pool) => pool.name === name),
    byUuid: (uuid) => pools.find((pool) => pool.uuid === uuid),
    absent: absent.filter(isPoolName).map((name) => ({ name, reason: "its disk is gone" })),
  };
}
