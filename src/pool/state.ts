/**
 * The records of one pool in memory: what every read answers from, also while the pool's disk is stuck. Changed only
 * by `apply`, after the catalog made the same changes durable (but what a snapshot promises counts from its cut on).
 */
import type { GroupId, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import type {
  CatalogContent,
  Change,
  GroupRecord,
  PoolRecord,
  SnapshotRecord,
  VolumeRecord,
} from "../core/records.ts";
import { dataBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { addDemand, demandOf, volumeDemand } from "../plan/capacity.ts";
import type { Demand } from "../plan/capacity.ts";

/** Objects by id and by name. */
class Table<Id extends string, R extends { readonly id: Id; readonly name: string }> {
  readonly #byId = new Map<Id, R>();
  readonly #byName = new Map<string, Id>();

  get(id: Id): R | undefined {
    return this.#byId.get(id);
  }

  named(name: string): R | undefined {
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  values(): readonly R[] {
    return [...this.#byId.values()];
  }

  put(record: R): void {
    this.#byId.set(record.id, record);
    this.#byName.set(record.name, record.id);
  }

  drop(id: Id): void {
    const record = this.#byId.get(id);
    if (record === undefined) return;
    this.#byId.delete(id);
    this.#byName.delete(record.name);
  }
}

export class PoolState {
  readonly volumes = new Table<VolumeId, VolumeRecord>();
  readonly snapshots = new Table<SnapshotId, SnapshotRecord>();
  readonly groups = new Table<GroupId, GroupRecord>();
  /** Mapped bytes of inactive thins. An inactive thin cannot change, so a value noted at deactivation stays true. */
  readonly mapped = new Map<ThinId, Bytes>();
  /** Ids of ready objects whose thin the kernel does not have. */
  readonly lost: ReadonlySet<string>;
  readonly #blockSize: Bytes;
  #pool: PoolRecord;
  #demand: Demand;
  /** Admitted, and not yet in a record. */
  readonly #pending = new Set<Demand>();

  constructor(content: CatalogContent, blockSize: Bytes, lost: ReadonlySet<string>) {
    this.#pool = content.pool;
    this.#blockSize = blockSize;
    this.lost = lost;
    for (const record of content.volumes) this.volumes.put(record);
    for (const record of content.snapshots) this.snapshots.put(record);
    for (const record of content.groups) this.groups.put(record);
    this.#demand = demandOf(content.volumes, content.snapshots, blockSize);
  }

  get pool(): PoolRecord {
    return this.#pool;
  }

  /** Everything promised, admitted operations included. */
  get demand(): Demand {
    return addDemand(this.#demand, ...this.#pending);
  }

  /** Holds `demand` as promised until the returned function is called: by then a record counts it, or it failed. */
  hold(demand: Demand): () => void {
    const own = { ...demand };
    this.#pending.add(own);
    return () => this.#pending.delete(own);
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) this.#applyOne(change);
  }

  #applyOne(change: Change): void {
    switch (change.kind) {
      case "put-volume":
        this.#count(this.volumes.get(change.record.id)?.size, change.record.size);
        this.volumes.put(change.record);
        return;
      case "drop-volume":
        this.#count(this.volumes.get(change.id)?.size, undefined);
        this.volumes.drop(change.id);
        return;
      case "put-snapshot":
        this.#count(this.snapshots.get(change.record.id)?.mapped, change.record.mapped);
        this.snapshots.put(change.record);
        return;
      case "drop-snapshot":
        this.#count(this.snapshots.get(change.id)?.mapped, undefined);
        this.snapshots.drop(change.id);
        return;
      case "put-group":
        this.groups.put(change.record);
        return;
      case "drop-group":
        this.groups.drop(change.id);
        return;
      case "put-pool":
        this.#pool = change.record;
    }
  }

  /** Keeps the promised sum in step, so that admission costs the same at 10 volumes and at 10,000. */
  #count(before: Bytes | undefined, after: Bytes | undefined): void {
    const was = before === undefined ? undefined : volumeDemand(before, this.#blockSize);
    const is = after === undefined ? undefined : volumeDemand(after, this.#blockSize);
    const blocks = this.#demand.blocks - (was?.blocks ?? 0n) + (is?.blocks ?? 0n);
    const thins = this.#demand.thins - (was?.thins ?? 0) + (is?.thins ?? 0);
    this.#demand = { blocks: dataBlocks(blocks), thins };
  }
}
