/** What a workload asked for and got no answer to, asked for again: it must succeed, and be the same object. */
import type { Snapshot__Output } from "../../../src/generated/csi.ts";
import type { CsiClient } from "../../support/csi-client.ts";
import { retried } from "../../support/retried.ts";
import { fromSnapshot, fromVolume, type TestVolume, type VolumeLife } from "../../support/volume-life.ts";
import type { Operation } from "./events.ts";
import type { Findings } from "./findings.ts";
import type { GroupModel, Model, SnapshotModel, VolumeModel } from "./model.ts";

export interface Repeater {
  readonly csi: CsiClient;
  readonly life: VolumeLife;
  readonly findings: Findings;
  readonly model: Model;
  /** Ids that the driver lists. */
  readonly present: ReadonlySet<string>;
}

type AnyModel = VolumeModel | SnapshotModel | GroupModel;

export const isLive = ({ created, deleted }: Pick<AnyModel, "created" | "deleted">): boolean =>
  created === "done" && deleted === undefined;

export const knownVolume = (life: VolumeLife, { name, id, content, size }: VolumeModel): TestVolume =>
  life.known(name, id ?? "", content, size);

/** Afterwards every object of the model is there or gone, for certain. Answers how many calls were made. */
export async function repeatUnanswered(repeater: Repeater): Promise<number> {
  const { volumes, snapshots, groups } = repeater.model;
  // Members come and go with their group.
  const single = [...snapshots.values()].filter(({ group }) => group === undefined);
  const all: readonly AnyModel[] = [...volumes.values(), ...single, ...groups.values()];
  // In the order they were begun: a copy's source may be one of them.
  const creations = all
    .filter(({ created, deleted }) => created === "begun" && deleted === undefined)
    .toSorted((one, other) => one.order - other.order);
  for (const object of creations) await createAgain(repeater, object);
  const growths = [...volumes.values()].filter((volume) => volume.growing.length > 0 && isLive(volume));
  for (const volume of growths) await growAgain(repeater, volume);
  const deletions = all.filter(({ deleted, id }) => deleted === "begun" && id !== undefined);
  for (const object of deletions) await deleteAgain(repeater, object);
  return creations.length + growths.length + deletions.length;
}

async function createAgain(repeater: Repeater, object: AnyModel): Promise<void> {
  const { model, findings, present } = repeater;
  if (!sourcesOf(object.creation).every((name) => isThere(model, name))) {
    // Made before its source was deleted, in calls of which none is known to have been answered.
    const made = object.id !== undefined && present.has(object.id);
    Object.assign(object, made ? { created: "done" } : { deleted: "done" });
    return;
  }
  const what = `${JSON.stringify(object.creation)}, asked for again`;
  const before = object.id !== undefined && present.has(object.id) ? object.id : undefined;
  const made = await findings.attempt(4, what, () => retried(() => create(repeater, object)));
  if (made === undefined) {
    object.deleted = "done";
    return;
  }
  findings.expect(4, before === undefined || before === made.id, `${what}: is ${made.id}, was ${before}`);
  Object.assign(object, made, { created: "done" });
}

function sourcesOf(creation: Operation): readonly string[] {
  switch (creation.kind) {
    case "copy":
      return [creation.from];
    case "snapshot":
      return [creation.volume];
    case "group":
      return creation.volumes;
    default:
      return [];
  }
}

function isThere({ volumes, snapshots }: Model, name: string): boolean {
  const source = volumes.get(name) ?? snapshots.get(name);
  return source !== undefined && isLive(source);
}

interface Made {
  readonly id: string;
  readonly size?: bigint;
}

async function create({ csi, life, model }: Repeater, { creation }: AnyModel): Promise<Made> {
  const volume = (name: string): TestVolume => {
    const found = model.volumes.get(name);
    if (found === undefined) throw new RangeError(`no volume ${name}`);
    return knownVolume(life, found);
  };
  switch (creation.kind) {
    case "create":
      return volumeMade(await life.create(creation.volume, creation.content, BigInt(creation.size)));
    case "copy": {
      const id = model.snapshots.get(creation.from)?.id;
      const source = id === undefined ? fromVolume(volume(creation.from)) : fromSnapshot({ snapshot_id: id });
      return volumeMade(await life.copy(creation.volume, source, creation.content, BigInt(creation.size)));
    }
    case "snapshot":
      return snapshotMade(await life.snapshot(creation.snapshot, volume(creation.volume)));
    case "group": {
      const source_volume_ids = creation.volumes.map((name) => volume(name).id);
      const request = { name: creation.group, source_volume_ids };
      const { group_snapshot } = await csi.groupController.createVolumeGroupSnapshot(request);
      const { group_snapshot_id: id = "", snapshots = [] } = group_snapshot ?? {};
      for (const member of membersOf(model, creation.group)) {
        const cut = snapshots.find((each) => each.source_volume_id === model.volumes.get(member.source)?.id);
        Object.assign(member, cut && snapshotMade(cut), { created: "done" });
      }
      return { id };
    }
    default:
      throw new RangeError(`${creation.kind} makes nothing`);
  }
}

const volumeMade = ({ id, size }: TestVolume): Made => ({ id, size });

const snapshotMade = ({ snapshot_id, size_bytes }: Snapshot__Output): Made => ({
  id: snapshot_id,
  size: BigInt(size_bytes),
});

export const membersOf = ({ snapshots }: Model, group: string): readonly SnapshotModel[] =>
  [...snapshots.values()].filter((each) => each.group === group);

async function growAgain({ life, findings }: Repeater, volume: VolumeModel): Promise<void> {
  const wanted = volume.growing.at(-1) ?? volume.size;
  const what = `growing ${volume.name} to ${wanted}, asked for again`;
  const size = await findings.attempt(4, what, () =>
    retried(() => life.enlarge(knownVolume(life, volume), wanted)),
  );
  findings.expect(4, size === undefined || size === wanted, `${what}: has ${size}`);
  Object.assign(volume, { size: wanted, growing: [] });
}

async function deleteAgain(repeater: Repeater, object: AnyModel): Promise<void> {
  const { csi, findings, model } = repeater;
  const { id = "", kind, name } = object;
  const members = membersOf(model, name);
  await findings.attempt(4, `deleting ${kind} ${name}, asked for again`, () =>
    retried<object>(() => {
      if (kind === "volume") return csi.controller.deleteVolume({ volume_id: id });
      if (kind === "snapshot") return csi.controller.deleteSnapshot({ snapshot_id: id });
      const snapshot_ids = members.flatMap((member) => member.id ?? []);
      return csi.groupController.deleteVolumeGroupSnapshot({ group_snapshot_id: id, snapshot_ids });
    }),
  );
  object.deleted = "done";
  if (kind === "group") for (const member of members) member.deleted = "done";
}
