/** Each mutation on three sides in turn: dmthin over its socket, LVM's command, and the floor. */
import { MUTATIONS, type Mutation } from "../model/catalogue.ts";
import type { Finding } from "../model/row.ts";
import { ratioOf, summarize } from "../model/statistics.ts";
import { DmthinSide } from "../sides/dmthin.ts";
import { FloorSide } from "../sides/floor.ts";
import { interleave, type Once, ROUNDS, type Rounds } from "../sides/interleave.ts";
import { LvmSide } from "../sides/lvm.ts";
import { Writer } from "../sides/writer.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";
import { Copies } from "./mutations/copies.ts";
import { createSides } from "./mutations/create.ts";
import { Deletes, WRITTEN_MIB } from "./mutations/delete.ts";
import { expandSides } from "./mutations/expand.ts";
import { type Recorded, recordMutations } from "./mutations/record.ts";
import type { Name, Sides, Stage } from "./mutations/stage.ts";

const POOL = "bench";
/** Of the pools of LVM and floor; dmthin's takes its whole disk. */
const DATA_MIB = 60 * 1024;
const CHUNK_KIB = 64;
const GROW_MIB = 64;

type Heard = Readonly<Partial<Record<Name, readonly number[]>>>;

export async function measureMutations(context: Context): Promise<void> {
  const wants = (part: string): boolean => [...context.wanted].some((id) => id.includes(part));
  const dmthin = new DmthinSide({
    disk: diskOf(context, 0),
    pool: POOL,
    poolConfig: { blockSize: `${CHUNK_KIB}KiB` },
  });
  const size = { chunk: CHUNK_KIB, dataMebibytes: DATA_MIB };
  const writer = new Writer();
  await dmthin.start("debug");
  context.say("recording what each mutation starts");
  const recorded = await recordMutations(dmthin);
  await dmthin.restart("info");
  const lvm = wants("-lvm")
    ? await LvmSide.make(diskOf(context, 1), { ...size, metadataMebibytes: 128 })
    : undefined;
  const floor = wants("mutation-floor") ? await FloorSide.make(diskOf(context, 2), size) : undefined;
  const stage: Stage = {
    dmthin,
    ...(lvm && { lvm }),
    ...(floor && { floor: { side: floor, recordings: recorded.recordings } }),
    writer,
  };
  try {
    await new Mutations(stage, recorded, context).measure();
  } finally {
    await takeAllDown(
      context,
      () => writer.close(),
      () => dmthin.clear(),
      () => lvm?.clear(),
      () => floor?.clear(),
    );
  }
}

class Mutations {
  readonly #stage: Stage;
  readonly #recorded: Recorded;
  readonly #context: Context;
  readonly #findings: Record<string, Finding> = {};

  constructor(stage: Stage, recorded: Recorded, context: Context) {
    this.#stage = stage;
    this.#recorded = recorded;
    this.#context = context;
  }

  async measure(): Promise<void> {
    const stage = this.#stage;
    if (this.#wants("create"))
      this.#note("create", await this.#run("create", createSides(stage)), "create-lvm");
    if (this.#wants("expand")) this.#note("expand", await this.#run("expand", expandSides(stage)));
    if (this.#wants("delete")) await this.#deletes();
    if (["snapshot", "restore", "grow"].some((each) => this.#wants(each))) await this.#copies();
    this.#dearest();
  }

  #wants(part: string): boolean {
    const { wanted } = this.#context;
    return wanted.has("mutation-floor") || [...wanted].some((id) => id.includes(part));
  }

  async #deletes(): Promise<void> {
    const deletes = new Deletes(this.#stage);
    this.#note("delete", await this.#run("delete", deletes.sides()), "delete-lvm");
    const note = `${WRITTEN_MIB} MiB written; free is what the kernel's status no longer counts as used`;
    this.#beside("delete-lvm-freed", afterWarmUp(deletes.freed), note);
  }

  async #copies(): Promise<void> {
    const copies = new Copies(this.#stage, this.#recorded);
    await copies.prepare();
    this.#note("snapshot", await this.#run("snapshot", copies.snapshot()), "snapshot-lvm");
    const pauses = "the longest that one write with fdatasync took while the snapshot was cut";
    this.#beside("snapshot-lvm-pause", afterWarmUp(copies.pauses), pauses);
    // As many as there are snapshots.
    const ofThem = { ...ROUNDS, most: copies.pauses.dmthin.length - ROUNDS.warmUp };
    if (this.#wants("restore") || this.#wants("delete-snapshot"))
      this.#note("restore", await this.#run("restore", copies.restore(), ofThem), "restore-lvm");
    if (this.#wants("delete-snapshot"))
      this.#note("delete-snapshot", await this.#run("delete-snapshot", copies.deleteSnapshot(), ofThem));
    if (this.#wants("grow")) this.#beside("grow-lvm", await this.#run("grow", copies.grow(GROW_MIB)));
    await copies.end();
  }

  async #run(title: string, sides: Sides, rounds: Rounds = ROUNDS): Promise<Heard> {
    this.#context.say(`${title}: ${Object.keys(sides).join(", ")} in turn`);
    return interleave(sides as Record<Name, Once>, rounds);
  }

  #note(mutation: Mutation, heard: Heard, lvmRow?: string): void {
    if (lvmRow !== undefined) this.#beside(lvmRow, heard);
    const { dmthin, floor } = heard;
    if (dmthin === undefined || floor === undefined) return;
    const commands = this.#recorded.recordings[mutation].map((argv) => argv.slice(0, 2).join(" "));
    this.#put(`mutation-floor-${mutation}`, {
      ...ratio(dmthin, floor),
      sides: { dmthin: summarize(dmthin), floor: summarize(floor) },
      details: { commands },
    });
  }

  #beside(id: string, heard: Heard, note?: string): void {
    const { dmthin, lvm } = heard;
    if (dmthin === undefined || lvm === undefined) return;
    const sides = { dmthin: summarize(dmthin), lvm: summarize(lvm) };
    this.#put(id, { ...ratio(dmthin, lvm), sides, ...(note === undefined ? {} : { note }) });
  }

  #put(id: string, finding: Finding): void {
    this.#findings[id] = finding;
    this.#context.found(id, finding);
  }

  #dearest(): void {
    const all = MUTATIONS.flatMap((each) => {
      const finding = this.#findings[`mutation-floor-${each}`];
      return finding === undefined ? [] : [{ each, finding }];
    });
    const [dearest] = all.toSorted((one, other) => other.finding.value - one.finding.value);
    if (dearest === undefined || all.length < MUTATIONS.length) return;
    this.#put("mutation-floor", { ...dearest.finding, note: `that of ${dearest.each}` });
  }
}

function ratio(ours: readonly number[], theirs: readonly number[]): Pick<Finding, "value" | "spread"> {
  return ratioOf(ours, theirs);
}

const afterWarmUp = (heard: Readonly<Record<Name, readonly number[]>>): Heard =>
  Object.fromEntries(
    Object.entries(heard)
      .filter(([, series]) => series.length > 0)
      .map(([name, series]) => [name, series.slice(ROUNDS.warmUp)]),
  );
