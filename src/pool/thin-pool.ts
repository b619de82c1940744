/**
 * One open pool: the engine behind the `Pool` contract. Each operation is lock → observe → plan (pure) → record the
 * intent → execute → record the outcome; the locks are taken here and nowhere below.
 */
import type { PoolStatus } from "../core/dm.ts";
import { NoRoomError, NotFoundError, OutcomeUnknownError, PoolUnavailableError } from "../core/errors.ts";
import type { GroupId, PoolName, PoolUuid, SnapshotId, VolumeId } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import type { Change, GroupRecord, SnapshotRecord, VolumeRecord } from "../core/records.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { PoolFigures, TrimNote } from "../core/pool-report.ts";
import { shared, sharedFresh } from "../core/shared.ts";
import { bytes, roundDown } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { demandWithout, SIZE_STEP } from "../plan/capacity.ts";
import type { SizeRange } from "../plan/capacity.ts";
import type { Runner } from "../host/run.ts";
import type { Plan } from "../plan/step.ts";
import type { CreateVolumeIntent } from "../plan/volume.ts";
import { Deletions } from "./deletions.ts";
import type { Capacity, Outcome, OwnedVolume, Pool, PoolCondition } from "./engine.ts";
import type { Admission, Measured } from "./execute.ts";
import { perform } from "./execute.ts";
import { Fence } from "./fence.ts";
import { PoolHealth } from "./health.ts";
import { KnownStatus } from "./known-status.ts";
import { OwnedThinVolume } from "./owned-volume.ts";
import { askWithVolumes } from "./look.ts";
import { figuresOf } from "./pool-figures.ts";
import type { AskedGrowth } from "./pool-growth.ts";
import type { PoolParts } from "./pool-parts.ts";
import { SnapshotOperations } from "./snapshots.ts";
import type { PoolState } from "./state.ts";
import { VolumeOperations } from "./volumes.ts";

export class ThinPool implements Pool {
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  readonly parts: PoolParts;
  readonly state: PoolState;
  readonly fence: Fence;
  readonly known: KnownStatus;
  readonly deletions: Deletions;
  readonly trims = new Map<VolumeId, TrimNote>();
  readonly health: PoolHealth;
  readonly #volumes: VolumeOperations;
  readonly #snapshots: SnapshotOperations;
  readonly look = shared(() => this.#refresh(() => askWithVolumes(this)));
  /**
   * Before new promises: users write, trim and fill the pool without a message of ours, so the kernel is asked again. Once
   * for all calls that came before it is asked: each is answered from what was so after it came.
   */
  readonly refreshSupply = sharedFresh(() =>
    this.#refresh(() => this.parts.hands.dmsetup.poolStatus(this.parts.hands.poolDevice, { flush: false })),
  );

  constructor(parts: PoolParts) {
    this.parts = parts;
    this.name = parts.name;
    this.uuid = parts.uuid;
    this.state = parts.state;
    this.known = new KnownStatus(parts);
    this.health = new PoolHealth({
      ...parts,
      known: this.known,
      onFrozen: (reason) => parts.hands.queue.close(reason),
    });
    this.deletions = new Deletions(this, parts.discardOnDelete, parts.report);
    this.fence = new Fence({
      record: () => this.state.pool,
      perform: (plan) => this.perform(plan),
    });
    this.#volumes = new VolumeOperations(this);
    this.#snapshots = new SnapshotOperations(this);
  }

  get runner(): Runner {
    return this.parts.hands.runner;
  }

  get zeroesNewBlocks(): boolean {
    return this.parts.zeroesNewBlocks;
  }

  get unusable(): Promise<string> {
    return this.health.unusable;
  }

  get disks(): readonly string[] {
    return this.parts.disks();
  }

  get condition(): PoolCondition {
    return this.health.condition;
  }

  volume(id: VolumeId): VolumeRecord | undefined {
    return this.deletions.unless(this.state.volumes.get(id));
  }

  volumeByName(name: string): VolumeRecord | undefined {
    return this.deletions.unless(this.state.volumes.named(name));
  }

  volumes(): readonly VolumeRecord[] {
    return this.state.volumes.values();
  }

  snapshot(id: SnapshotId): SnapshotRecord | undefined {
    return this.deletions.unless(this.state.snapshots.get(id));
  }

  snapshotByName(name: string): SnapshotRecord | undefined {
    return this.deletions.unless(this.state.snapshots.named(name));
  }

  snapshots(): readonly SnapshotRecord[] {
    return this.state.snapshots.values();
  }

  group(id: GroupId): GroupRecord | undefined {
    return this.deletions.unless(this.state.groups.get(id));
  }

  groupByName(name: string): GroupRecord | undefined {
    return this.deletions.unless(this.state.groups.named(name));
  }

  groups(): readonly GroupRecord[] {
    return this.state.groups.values();
  }

  capacity(): Capacity {
    // For the next answer: a pool that is said to have nothing left gets no call that would look.
    this.look().catch(() => undefined);
    return this.knownCapacity();
  }

  knownCapacity(): Capacity {
    const available = this.promisable();
    const maximumVolume = roundDown(available, SIZE_STEP);
    return { available, maximumVolume, minimumVolume: bytes(SIZE_STEP) };
  }

  promisable(): Bytes {
    const { state, deletions, known } = this;
    if (this.condition.kind !== "ready") return bytes(0);
    return known.promisable(demandWithout(state.demand, deletions.demand));
  }

  async measure(): Promise<void> {
    this.requireReady();
    await this.parts.space.measure();
  }

  figures(): PoolFigures {
    return figuresOf(this);
  }

  createVolume(intent: CreateVolumeIntent): Promise<Outcome<VolumeRecord>> {
    return this.#volumes.create(intent);
  }

  deleteVolume(id: VolumeId): Promise<void> {
    return this.#volumes.delete(id);
  }

  expandVolume(id: VolumeId, range: SizeRange): Promise<VolumeRecord> {
    return this.#volumes.expand(id, range);
  }

  createSnapshot(intent: {
    readonly name: string;
    readonly source: VolumeId;
  }): Promise<Outcome<SnapshotRecord>> {
    return this.#snapshots.create(intent);
  }

  deleteSnapshot(id: SnapshotId): Promise<void> {
    return this.#snapshots.delete(id);
  }

  createGroup(intent: {
    readonly name: string;
    readonly sources: readonly VolumeId[];
  }): Promise<Outcome<GroupRecord>> {
    return this.#snapshots.createGroup(intent);
  }

  deleteGroup(id: GroupId): Promise<void> {
    return this.#snapshots.deleteGroup(id);
  }

  withVolume<T>(
    id: VolumeId,
    title: string,
    fingerprint: string,
    work: (volume: OwnedVolume) => Promise<T>,
  ): Promise<T> {
    return this.parts.operations.run({ title, fingerprint, exclusive: [lockKey.volume(id)] }, () =>
      work(new OwnedThinVolume(this, this.requireVolume(id))),
    );
  }

  shareVolume<T>(
    id: VolumeId,
    title: string,
    key: string,
    work: (record: VolumeRecord) => Promise<T>,
  ): Promise<T> {
    const scope = { title, fingerprint: `${title} ${key}`, exclusive: [key], shared: [lockKey.volume(id)] };
    return this.parts.operations.run(scope, () => work(this.requireVolume(id)));
  }

  /** The acknowledged record. NotFoundError for unknown, half-made and half-deleted ones. */
  requireVolume(id: VolumeId): VolumeRecord {
    const record = this.state.volumes.get(id);
    if (record === undefined || record.state !== "ready")
      throw new NotFoundError(`volume ${id} does not exist`);
    return record;
  }

  /** See `PoolHealth`. */
  requireReady(): void {
    this.health.requireReady();
  }

  /** See `PoolHealth`. */
  requireComplete(): void {
    this.health.requireComplete();
  }

  /** For new promises: also a pool that has run out of data refuses them. */
  requireTakesPromises(): void {
    this.requireReady();
    if (this.known.status.mode === "rw") return;
    throw new NoRoomError(
      `pool ${this.name} is out of data space; delete volumes or snapshots, or grow it, before making new ones`,
    );
  }

  /** Sizes and what may be promised, under running volumes; a smaller size is reported and has no effect. */
  async reconfigure(options: PoolOptions): Promise<void> {
    this.requireReady();
    this.known.overprovision = options.overprovision;
    this.deletions.wanted = options.discardOnDelete;
    await this.parts.growTo(options);
    await this.refreshSupply();
  }

  /** What there is room for by these options, now. PoolUnavailableError where the pool takes no changes. */
  growAsAsked(options: PoolOptions): Promise<AskedGrowth> {
    this.requireReady();
    return this.parts.growAsAsked(options);
  }

  async #refresh(ask: () => Promise<PoolStatus>): Promise<void> {
    // A fenced pool is looked at as well: that changes nothing.
    if (this.condition.kind === "unusable") return;
    const { transactionId: before } = this.state.pool;
    const status = await ask();
    await this.known.refreshHostBytes();
    this.health.note(status, before);
  }

  /** `admission`: for plans with an `admit` step. */
  perform(plan: Plan, admission?: Admission): Promise<Measured> {
    const hands = {
      ...this.parts.hands,
      record: (changes: readonly Change[]) => this.record(changes),
      onStatus: (status: PoolStatus) => this.health.note(status, this.state.pool.transactionId),
      freeze: (reason: string) => this.health.freeze(reason),
      fenceOff: (reason: string) => this.health.fenceOff(reason),
      requireUsable: () => this.health.requireUsable(),
    };
    return perform(plan, hands, admission);
  }

  /** Durable, then visible. A catalog whose disk fails freezes the pool: what it holds is not known any more. */
  async record(changes: readonly Change[]): Promise<void> {
    try {
      await this.parts.catalog.commit(changes);
    } catch (error) {
      if (error instanceof OutcomeUnknownError || error instanceof PoolUnavailableError) {
        this.health.freeze(`its catalog failed (${error.message})`);
      }
      throw error;
    }
    this.state.apply(changes);
  }
}
