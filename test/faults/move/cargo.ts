/** What a pool holds, with checksums: packed on one machine, compared and used on another. */
import { parseId } from "../../../src/core/ids.ts";
import { sha256, sha256Raw, writeRandom, writeRaw } from "../../support/content.ts";
import { countRecords } from "../../support/record-writer.ts";
import {
  fromSnapshot,
  fromVolume,
  SMALL,
  type Content,
  type TestVolume,
  type VolumeLife,
} from "../../support/volume-life.ts";
import type { Findings } from "../power/findings.ts";
import type { Machine } from "./machine.ts";
import type { PackedPool, PackedSnapshot, PackedVolume } from "./settings.ts";

const MEBIBYTES = 4;
/** Records lie before it. */
const RAW = { mebibyte: 16, count: MEBIBYTES };

const fileOf = ({ targetPath }: TestVolume): string => `${targetPath}/content`;

export const recordsOf = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/records`;

/** Other content than before, durable. Answers its checksum. */
const fill = (volume: TestVolume): Promise<string> =>
  volume.content === "block" ? writeRaw(volume.targetPath, RAW) : writeRandom(fileOf(volume), MEBIBYTES);

const sumOf = (volume: TestVolume): Promise<string> =>
  volume.content === "block" ? sha256Raw(volume.targetPath, RAW) : sha256(fileOf(volume));

/** A pool that is being filled, by the names that it has on its machine. */
export class Packer {
  readonly life: VolumeLife;
  readonly #machine: Machine;
  readonly #pool: string;
  readonly #volumes = new Map<
    string,
    { readonly volume: TestVolume; sum: string; readonly isClone: boolean }
  >();
  readonly #snapshots: PackedSnapshot[] = [];
  readonly #groups: { readonly id: string; readonly members: readonly string[] }[] = [];

  constructor(machine: Machine, pool: string) {
    this.#machine = machine;
    this.#pool = pool;
    this.life = machine.lifeIn(pool);
  }

  get volumes(): readonly TestVolume[] {
    return [...this.#volumes.values()].map(({ volume }) => volume);
  }

  /** In use from then on. */
  async create(...contents: readonly Content[]): Promise<void> {
    for (const content of contents) {
      const parameters = { parameters: { pool: this.#pool } };
      const volume = await this.life.create(`${this.#pool}-${content}`, content, SMALL[content], parameters);
      await this.#take(volume);
    }
  }

  /** What clones share with their origins they must not lose by it. */
  async overwriteOrigins(): Promise<void> {
    for (const each of this.#volumes.values()) if (!each.isClone) each.sum = await fill(each.volume);
  }

  async snapshot(content: Content): Promise<void> {
    const { volume, sum } = this.#of(content);
    const { snapshot_id } = await this.life.snapshot(`${volume.name}-cut`, volume);
    this.#add(volume, snapshot_id, sum);
  }

  async group(): Promise<void> {
    const { group_snapshot } = await this.#machine.csi.groupController.createVolumeGroupSnapshot({
      name: `${this.#pool}-group`,
      source_volume_ids: this.volumes.map(({ id }) => id),
    });
    const { group_snapshot_id: id = "", snapshots = [] } = group_snapshot ?? {};
    for (const { source_volume_id, snapshot_id } of snapshots) {
      const origin = [...this.#volumes.values()].find(({ volume }) => volume.id === source_volume_id);
      if (origin === undefined) throw new Error(`a snapshot of ${source_volume_id} in the group`);
      this.#add(origin.volume, snapshot_id, origin.sum);
    }
    this.#groups.push({ id, members: snapshots.map(({ snapshot_id }) => snapshot_id) });
  }

  async clone(content: Content): Promise<void> {
    const { volume, sum } = this.#of(content);
    const options = { volume_content_source: fromVolume(volume), parameters: { pool: this.#pool } };
    const clone = await this.life.create(`${volume.name}-clone`, content, volume.size, options);
    await this.life.use(clone);
    this.#volumes.set(clone.name, { volume: clone, sum, isClone: true });
  }

  async packed(): Promise<PackedPool> {
    const volumes = [...this.#volumes.values()].map(
      ({ volume: { name, id, content, size }, sum }): PackedVolume => ({
        name,
        id,
        content,
        size: `${size}`,
        sum,
      }),
    );
    const uuid = parseId(volumes[0]?.id ?? "")?.pool ?? "";
    const listed = await list(this.#machine, uuid);
    return {
      pool: this.#pool,
      uuid,
      volumes,
      snapshots: this.#snapshots,
      groups: this.#groups,
      listed,
    };
  }

  async #take(volume: TestVolume): Promise<void> {
    await this.life.use(volume);
    this.#volumes.set(volume.name, { volume, sum: await fill(volume), isClone: false });
  }

  #of(content: Content): { readonly volume: TestVolume; readonly sum: string } {
    const found = [...this.#volumes.values()].find(({ volume }) => volume.content === content);
    if (found === undefined) throw new RangeError(`no volume with ${content}`);
    return found;
  }

  #add({ name, content, size }: TestVolume, id: string, sum: string): void {
    const snapshot = { name: `${name}-${this.#snapshots.length}`, id, content, size: `${size}`, sum };
    this.#snapshots.push(snapshot);
  }
}

/** Volumes and snapshots of the pool as JSON, in an order. Throws where a volume is not said to be on this node. */
export async function list(machine: Machine, uuid: string): Promise<readonly string[]> {
  const { controller } = machine.csi;
  const volumes = (await controller.listVolumes({})).entries.flatMap(({ volume }) => volume ?? []);
  const snapshots = (await controller.listSnapshots({})).entries.flatMap(({ snapshot }) => snapshot ?? []);
  const nodes = volumes.flatMap(({ accessible_topology }) =>
    accessible_topology.map(({ segments }) => segments["topology.dmthin.io/node"]),
  );
  if (nodes.some((node) => node !== machine.name)) throw new Error(`volumes are on ${nodes.join(", ")}`);
  return [...volumes, ...snapshots]
    .map((each) =>
      JSON.stringify(each, (key, value: unknown) => (key === "accessible_topology" ? [] : value)),
    )
    .filter((each) => each.includes(uuid))
    .toSorted();
}

/** A pool that came from elsewhere. `pool`: what it is called here. */
export class Unpacker {
  readonly #machine: Machine;
  readonly #findings: Findings;
  readonly #cargo: PackedPool;
  readonly #pool: string;
  readonly #life: VolumeLife;

  constructor(machine: Machine, findings: Findings, cargo: PackedPool, pool: string) {
    this.#machine = machine;
    this.#findings = findings;
    this.#cargo = cargo;
    this.#pool = pool;
    this.#life = machine.lifeIn(pool);
  }

  /** Lists, volumes by their checksums, all in use at one time, and a restore of every snapshot, or of those. */
  async verify(snapshots: readonly PackedSnapshot[] = this.#cargo.snapshots): Promise<void> {
    const listed = await list(this.#machine, this.#cargo.uuid);
    const missing = this.#cargo.listed.filter((each) => !listed.includes(each));
    const more = listed.filter((each) => !this.#cargo.listed.includes(each));
    this.#expect(
      4,
      missing.length + more.length === 0,
      `listed anew: ${more.join()}; not any more: ${missing.join()}`,
    );
    for (const each of this.#cargo.volumes)
      await this.#attempt(2, `volume ${each.name}`, () => this.#life.use(this.#known(each)));
    for (const each of this.#cargo.volumes)
      await this.#attempt(2, `volume ${each.name}`, () => this.#compare(each));
    for (const { id, members } of this.#cargo.groups)
      await this.#attempt(3, `group ${id}`, () =>
        this.#machine.csi.groupController.getVolumeGroupSnapshot({
          group_snapshot_id: id,
          snapshot_ids: [...members],
        }),
      );
    for (const each of snapshots) await this.#attempt(3, `snapshot ${each.name}`, () => this.#restore(each));
  }

  /** Every volume is made larger while it is in use, and overwritten; the last snapshot is new. Answers the cargo of then. */
  async workOn(): Promise<PackedPool> {
    const volumes: PackedVolume[] = [];
    for (const { records: _records, ...each } of this.#cargo.volumes) {
      const volume = this.#known(each);
      const size = await this.#life.enlarge(volume, volume.size + (64n << 20n));
      await this.#life.expandOnNode(volume, size);
      const [usage] = await this.#life.stats(volume);
      this.#expect(
        2,
        BigInt(usage?.total ?? 0) > volume.size / 2n,
        `${each.name} has ${usage?.total} bytes, grown to ${size}`,
      );
      volumes.push({ ...each, size: `${size}`, sum: await fill(volume) });
    }
    const [first] = volumes;
    if (first === undefined) throw new RangeError("no volumes");
    const name = `${first.name}-here`;
    const { snapshot_id: id } = await this.#life.snapshot(name, this.#known(first));
    const made = { ...first, name, id };
    volumes[0] = { ...first, sum: await fill(this.#known(first)) };
    const listed = await list(this.#machine, this.#cargo.uuid);
    const snapshots = [...this.#cargo.snapshots, made];
    return { ...this.#cargo, pool: this.#pool, volumes, snapshots, listed };
  }

  /** Its pods end. */
  async release(): Promise<void> {
    for (const each of this.#cargo.volumes) await this.#life.release(this.#known(each));
  }

  async #compare(each: PackedVolume): Promise<void> {
    const volume = this.#known(each);
    this.#expect(2, (await sumOf(volume)) === each.sum, `volume ${each.name} has other content`);
    if (each.records === undefined) return;
    const found = await countRecords(recordsOf(volume));
    this.#expect(
      2,
      found >= each.records,
      `volume ${each.name}: ${found} records are there, ${each.records} were durable`,
    );
  }

  async #restore({ name, id, content, size, sum }: PackedSnapshot): Promise<void> {
    const source = fromSnapshot({ snapshot_id: id });
    const options = { volume_content_source: source, parameters: { pool: this.#pool } };
    const volume = await this.#life.create(`check-${name}`, content, BigInt(size), options);
    await this.#life.use(volume);
    this.#expect(3, (await sumOf(volume)) === sum, `snapshot ${name} has other content than at its cut`);
    await this.#life.end(volume);
  }

  readonly #known = ({ name, id, content, size }: PackedVolume): TestVolume =>
    this.#life.known(name, id, content, BigInt(size));

  #expect(promise: 2 | 3 | 4, holds: boolean, evidence: string): void {
    this.#findings.expect(promise, holds, `${this.#machine.name}, pool ${this.#pool}: ${evidence}`);
  }

  #attempt(promise: 2 | 3, what: string, work: () => Promise<unknown>): Promise<unknown> {
    return this.#findings.attempt(promise, `${this.#machine.name}, pool ${this.#pool}: ${what}`, work);
  }
}
