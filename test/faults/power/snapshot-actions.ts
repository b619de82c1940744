/** What a workload does with snapshots and groups of them. */
import { memberName, type Operation } from "./events.ts";
import type { Performer } from "./performer.ts";
import { changing, reading, type Group, type Snapshot, type Volume, type World } from "./world.ts";

export class SnapshotActions {
  readonly #tools: Performer;
  readonly #world: World;

  constructor(tools: Performer, world: World) {
    this.#tools = tools;
    this.#world = world;
  }

  async snapshot(): Promise<void> {
    if (this.#world.room().snapshots < 1) return;
    const volume = this.#tools.random.pick(this.#world.free("read").volumes);
    if (volume === undefined) return;
    const name = this.#world.name("s");
    this.#world.pending.snapshots += 1;
    const what: Operation = { kind: "snapshot", snapshot: name, volume: volume.name };
    const made = await reading([volume], () =>
      this.#tools.perform(
        what,
        () => this.#tools.life.snapshot(name, volume.test),
        ({ snapshot_id, size_bytes }) => ({
          id: snapshot_id,
          size: size_bytes,
        }),
      ),
    );
    this.#world.pending.snapshots -= 1;
    if (made !== undefined) this.#addSnapshot(name, made.snapshot_id, volume);
  }

  #addSnapshot(name: string, id: string, { ancestors, name: source, test }: Volume): Snapshot {
    const { content, size } = test;
    const state = { readers: 0, changing: false };
    const snapshot: Snapshot = {
      kind: "snapshot",
      name,
      id,
      content,
      size,
      ancestors: [...ancestors, source],
      ...state,
    };
    this.#world.snapshots.set(name, snapshot);
    return snapshot;
  }

  /** Of the pair, and now and then of others with it. */
  async group(): Promise<void> {
    const { random, csi } = this.#tools;
    const { volumes } = this.#world.free("read");
    const pair = volumes.filter(({ paired }) => paired);
    const chosen = [
      ...pair,
      ...random.sample(
        volumes.filter(({ paired }) => !paired),
        random.between(0, 2),
      ),
    ];
    if (pair.length < 2 || this.#world.room().snapshots < chosen.length) return;
    const name = this.#world.name("g");
    this.#world.pending.snapshots += chosen.length;
    const what: Operation = { kind: "group", group: name, volumes: chosen.map((each) => each.name) };
    const source_volume_ids = chosen.map(({ test }) => test.id);
    const nameOf = (id: string): string => chosen.find(({ test }) => test.id === id)?.name ?? id;
    const made = await reading(chosen, () =>
      this.#tools.perform(
        what,
        async () => {
          const { group_snapshot } = await csi.groupController.createVolumeGroupSnapshot({
            name,
            source_volume_ids,
          });
          const { group_snapshot_id: id = "", snapshots = [] } = group_snapshot ?? {};
          const members = snapshots.map((each) => [nameOf(each.source_volume_id), each.snapshot_id] as const);
          return { id, members: Object.fromEntries(members) };
        },
        (answer) => answer,
      ),
    );
    this.#world.pending.snapshots -= chosen.length;
    if (made === undefined) return;
    const members = chosen.map((each) =>
      this.#addSnapshot(memberName(name, each.name), made.members[each.name] ?? "", each),
    );
    const group: Group = { name, id: made.id, members };
    this.#world.groups.set(name, group);
  }

  async deleteSnapshot(): Promise<void> {
    const { snapshots } = this.#world.free("change");
    const snapshot = this.#tools.random.pick(snapshots.filter((each) => !this.#world.isMember(each)));
    if (snapshot === undefined) return;
    await changing([snapshot], async () => {
      const what: Operation = { kind: "delete-snapshot", snapshot: snapshot.name };
      const { controller } = this.#tools.csi;
      if (await this.#tools.done(what, () => controller.deleteSnapshot({ snapshot_id: snapshot.id })))
        this.#world.snapshots.delete(snapshot.name);
    });
  }

  async deleteGroup(): Promise<void> {
    const free = new Set(this.#world.free("change").snapshots);
    const groups = [...this.#world.groups.values()].filter(({ members }) =>
      members.every((each) => free.has(each)),
    );
    const group = this.#tools.random.pick(groups);
    if (group === undefined) return;
    const { groupController } = this.#tools.csi;
    const request = { group_snapshot_id: group.id, snapshot_ids: group.members.map(({ id }) => id) };
    await changing(group.members, async () => {
      const what: Operation = { kind: "delete-group", group: group.name };
      if (!(await this.#tools.done(what, () => groupController.deleteVolumeGroupSnapshot(request)))) return;
      for (const { name } of group.members) this.#world.snapshots.delete(name);
      this.#world.groups.delete(group.name);
    });
  }
}
