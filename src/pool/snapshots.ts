/** Snapshots and group snapshots of one pool. A single snapshot is a group of one without a group record. */
import { InvalidRequestError, OperationPendingError, OutcomeUnknownError } from "../core/errors.ts";
import type { GroupId, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import { groupId, snapshotId } from "../core/ids.ts";
import type { GroupRecord, SnapshotRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { bytesFromSectors } from "../core/units.ts";
import { addDemand, admit, volumeDemand } from "../plan/capacity.ts";
import type { Cut } from "../plan/snapshot.ts";
import {
  newSnapshotRecord,
  planCuts,
  planDropSnapshots,
  planSnapshotsReady,
  requireSameGroup,
  requireSameSnapshot,
} from "../plan/snapshot.ts";
import { doomedSnapshots } from "./doomed.ts";
import type { Outcome } from "./engine.ts";
import type { Measured } from "./execute.ts";
import { mappedOfInactive, requireSnapshottable, suspensionOf } from "./origins.ts";
import { takeBack } from "./take-back.ts";
import type { ThinPool } from "./thin-pool.ts";
import { newObjectKey } from "./volumes.ts";

interface Made {
  readonly snapshots: readonly SnapshotRecord[];
  readonly group: GroupRecord | undefined;
}

export class SnapshotOperations {
  readonly #pool: ThinPool;

  constructor(pool: ThinPool) {
    this.#pool = pool;
  }

  create(intent: { readonly name: string; readonly source: VolumeId }): Promise<Outcome<SnapshotRecord>> {
    const { name, source } = intent;
    const title = `CreateSnapshot ${JSON.stringify(name)}`;
    const scope = {
      title,
      fingerprint: `${title} of ${source}`,
      exclusive: [lockKey.snapshotName(name)],
      shared: [lockKey.volume(source)],
    };
    return this.#pool.parts.operations.run(scope, async (): Promise<Outcome<SnapshotRecord>> => {
      this.#pool.requireComplete();
      const existing = await this.#pool.deletions.named(this.#pool.state.snapshots, name);
      if (existing?.state === "deleting")
        throw new OperationPendingError(`${title}: the snapshot is being deleted; retry`);
      if (existing?.state === "ready") {
        requireSameSnapshot(existing, source);
        return { kind: "identity", record: existing };
      }
      if (existing !== undefined) await this.#pool.perform(planDropSnapshots([existing], undefined));
      const made = await this.#cut(title, [{ source, name }], undefined);
      const [record] = made.snapshots;
      if (record === undefined) throw new RangeError("one cut made no snapshot");
      return { kind: "created", record };
    });
  }

  createGroup(intent: {
    readonly name: string;
    readonly sources: readonly VolumeId[];
  }): Promise<Outcome<GroupRecord>> {
    const { name, sources } = intent;
    const title = `CreateVolumeGroupSnapshot ${JSON.stringify(name)}`;
    const scope = {
      title,
      fingerprint: `${title} of ${sources.toSorted().join()}`,
      exclusive: [lockKey.groupName(name)],
      shared: sources.map((source) => lockKey.volume(source)),
    };
    return this.#pool.parts.operations.run(scope, async (): Promise<Outcome<GroupRecord>> => {
      this.#pool.requireComplete();
      const existing = await this.#pool.deletions.named(this.#pool.state.groups, name);
      if (existing?.state === "deleting")
        throw new OperationPendingError(`${title}: the group is being deleted; retry`);
      if (existing?.state === "ready") {
        requireSameGroup(existing, sources);
        return { kind: "identity", record: existing };
      }
      if (existing !== undefined)
        await this.#pool.perform(planDropSnapshots(this.#membersOf(existing.id), existing));
      const id = groupId(this.#pool.uuid, newObjectKey());
      const made = await this.#cut(
        title,
        sources.map((source) => ({ source, name: undefined })),
        { id, name },
      );
      if (made.group === undefined) throw new RangeError("a group cut made no group");
      return { kind: "created", record: made.group };
    });
  }

  async #cut(
    title: string,
    members: readonly { readonly source: VolumeId; readonly name: string | undefined }[],
    groupOf: { readonly id: GroupId; readonly name: string } | undefined,
  ): Promise<Made> {
    const origins = members.map((member) => requireSnapshottable(this.#pool, member.source));
    await this.#pool.refreshSupply();
    // What is mapped is measured at the cut, when nobody can be waited for any more; it is no more than the size.
    const most = origins.map(({ size }) => volumeDemand(size, this.#pool.parts.blockSize));
    await this.#pool.deletions.makeRoomFor(addDemand(...most));
    this.#pool.requireTakesPromises();
    // An inactive origin's mapped bytes are known before; an active one's are measured inside the bracket.
    const known = new Map<ThinId, Bytes>();
    const thinIds = await this.#pool.fence.takeIds(members.length);
    const stamp = this.#pool.parts.stamp();
    const cuts: Cut[] = [];
    for (const [index, origin] of origins.entries()) {
      const thinId = thinIds[index];
      if (thinId === undefined) throw new RangeError("fewer thin ids than cuts");
      const id = snapshotId(this.#pool.uuid, newObjectKey());
      // Members of a group have no name of their own in CSI; their id serves, and no caller can know it beforehand.
      const made = {
        id,
        name: members[index]?.name ?? id,
        thinId,
        ...stamp,
        ...(groupOf === undefined ? {} : { groupId: groupOf.id }),
      };
      const suspension = suspensionOf(this.#pool, origin);
      if (suspension === undefined) known.set(origin.thinId, mappedOfInactive(this.#pool, origin));
      cuts.push({
        snapshot: newSnapshotRecord(origin, made),
        origin,
        ...(suspension === undefined ? {} : { suspension }),
      });
    }
    const group: GroupRecord | undefined = groupOf && {
      ...groupOf,
      state: "creating",
      sourceVolumeIds: origins.map((origin) => origin.id),
      snapshotIds: cuts.map((cut) => cut.snapshot.id),
      createdAt: stamp.createdAt,
    };
    try {
      const measured = await this.#pool.perform(planCuts(cuts, group), (sofar) => {
        this.#admit(title, cuts, (thinId) => mappedAtCut(thinId, sofar, known));
      });
      const ready = planSnapshotsReady(cuts, group, (thinId) => mappedAtCut(thinId, measured, known));
      await this.#pool.perform(ready.plan);
      return { snapshots: ready.snapshots, group: ready.group };
    } catch (error) {
      const made = cuts.map((cut) => cut.snapshot);
      await takeBack(this.#pool, title, planDropSnapshots(made, group), error);
      throw error;
    }
  }

  /**
   * From here on the records in memory count what the snapshots promise: until they are ready on the disk too, or taken
   * back, however long that may take. Inside the bracket: awaits nothing.
   */
  #admit(title: string, cuts: readonly Cut[], mappedOf: (thinId: ThinId) => Bytes): void {
    const { parts, state } = this.#pool;
    const records = cuts.map((cut) => ({ ...cut.snapshot, mapped: mappedOf(cut.origin.thinId) }));
    const demands = records.map(({ mapped }) => volumeDemand(mapped, parts.blockSize));
    // The thins themselves are counted already, by the records of the intent.
    admit(this.#pool.known.supply, state.demand, { ...addDemand(...demands), thins: 0 }, title);
    state.apply(records.map((record) => ({ kind: "put-snapshot", record })));
  }

  async delete(id: SnapshotId): Promise<void> {
    const record = this.#pool.snapshot(id);
    if (record === undefined) return this.#pool.requireComplete();
    if (record.groupId !== undefined) {
      throw new InvalidRequestError(
        "snapshot_id",
        `${id} belongs to group snapshot ${record.groupId}; delete the group`,
      );
    }
    const scope = {
      title: `DeleteSnapshot ${id}`,
      fingerprint: `DeleteSnapshot ${id}`,
      exclusive: [lockKey.snapshot(id), lockKey.snapshotName(record.name)],
    };
    await this.#pool.parts.operations.run(scope, async () => {
      if (this.#pool.snapshot(id) === undefined) return;
      this.#pool.requireReady();
      await this.#pool.deletions.delete(doomedSnapshots(this.#pool, [record], undefined));
    });
  }

  async deleteGroup(id: GroupId): Promise<void> {
    const group = this.#pool.group(id);
    if (group === undefined) return this.#pool.requireComplete();
    const members = this.#membersOf(id);
    const scope = {
      title: `DeleteVolumeGroupSnapshot ${id}`,
      fingerprint: `DeleteVolumeGroupSnapshot ${id}`,
      exclusive: [lockKey.groupName(group.name), ...members.map((each) => lockKey.snapshot(each.id))],
    };
    await this.#pool.parts.operations.run(scope, async () => {
      if (this.#pool.group(id) === undefined) return;
      this.#pool.requireReady();
      await this.#pool.deletions.delete(doomedSnapshots(this.#pool, members, group));
    });
  }

  #membersOf(id: GroupId): readonly SnapshotRecord[] {
    return this.#pool.snapshots().filter((each) => each.groupId === id);
  }
}

function mappedAtCut(thinId: ThinId, measured: Measured, known: ReadonlyMap<ThinId, Bytes>): Bytes {
  const inBracket = measured.get(thinId);
  if (inBracket !== undefined) return bytesFromSectors(inBracket);
  const before = known.get(thinId);
  if (before === undefined)
    throw new OutcomeUnknownError(`thin ${thinId} was cut without its mapped bytes being known`);
  return before;
}
