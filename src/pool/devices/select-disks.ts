/**
 * Disks for a pool that selects them. Those that are the pool's are known by their labels alone, whatever the selector
 * says; others are taken for a new pool, and where `count` asks for more, and then neither fewer nor more than that.
 * Writes nothing (docs/adr/0014-a-selector-takes-disks-it-does-not-own-them.md).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DevNumber } from "../../core/dm.ts";
import { DeviceMissingError, PoolSetupError } from "../../core/errors.ts";
import type { PoolUuid } from "../../core/ids.ts";
import type { DevicesPoolOptions, DiskSelector, PoolOptions } from "../../core/pool-options.ts";
import { listDisks } from "../../host/disk-list.ts";
import type { ListedDisk } from "../../host/disk-list.ts";
import type { Runner } from "../../host/run.ts";
import { activeUuid } from "../active-uuid.ts";
import { problemsOfTaking } from "../decision.ts";
import { lookForLabel } from "../label-store.ts";
import type { LabelLook } from "../label-store.ts";
import { DISK_LABEL_FROM } from "./disk-layout.ts";
import { lookAtDisk, observeDisk } from "./disk-look.ts";
import type { Disk } from "./disk-look.ts";
import { describeSelector, disks as disksOf, mismatches, rivalry, verdictOf } from "./disk-selector.ts";
import type { DiskVerdict } from "./disk-selector.ts";
import { rivalsFor } from "./disk-rivals.ts";
import { lostMembers, neededDisks, poolOfName } from "./selected-pool.ts";

export type SelectedDisks = { readonly verdicts: readonly DiskVerdict[] } & (
  | { readonly kind: "refuse"; readonly problem: PoolSetupError }
  | {
      readonly kind: "go";
      /** Those of the pool, and those that it takes. */
      readonly disks: readonly Disk[];
      /** Of disks of the pool that cannot be looked at. */
      readonly failures: readonly PoolSetupError[];
      /** Why the pool does not get the disks that it is to have beside its own. */
      readonly refusals: readonly string[];
    }
);

type SelectingOptions = DevicesPoolOptions & { readonly select: DiskSelector };

/** One disk that never answers must not keep the pools of others from opening. */
const LOOK_MS = 10_000;

interface Seen {
  readonly disk: ListedDisk;
  readonly look: LabelLook;
}
interface Own extends Seen {
  readonly look: Extract<LabelLook, { kind: "label" }>;
}

/** `others`: all pools of the configuration. */
export async function selectDisks(
  options: SelectingOptions,
  others: readonly PoolOptions[],
  runner: Runner,
): Promise<SelectedDisks> {
  const seen = await Promise.all(
    listDisks().map(async (disk): Promise<Seen> => ({
      disk,
      // Not a dm device: it may be suspended, and a read would wait.
      look: disk.kernelName.startsWith("dm-") ? { kind: "none" } : await lookSoon(disk),
    })),
  );
  return new Selection(options, others, runner, seen).run();
}

/** Looks under way: a disk that is stuck gets one, and with it one thread of the process, however often it is asked. */
const underWay = new Map<DevNumber, Promise<LabelLook>>();

function lookOnce({ node, number }: ListedDisk): Promise<LabelLook> {
  const other = underWay.get(number);
  if (other !== undefined) return other;
  const look = lookForLabel(node, DISK_LABEL_FROM).finally(() => underWay.delete(number));
  underWay.set(number, look);
  return look;
}

async function lookSoon(disk: ListedDisk): Promise<LabelLook> {
  const done = new AbortController();
  const late = sleep(LOOK_MS, { kind: "flaw", reason: "does not answer; check the disk" } as const, {
    signal: done.signal,
  });
  late.catch(() => undefined);
  const look = await Promise.race([lookOnce(disk), late]);
  done.abort();
  return look;
}

class Selection {
  readonly #options: SelectingOptions;
  readonly #others: readonly PoolOptions[];
  readonly #runner: Runner;
  readonly #seen: readonly Seen[];
  readonly #verdicts = new Map<ListedDisk, DiskVerdict>();

  constructor(
    options: SelectingOptions,
    others: readonly PoolOptions[],
    runner: Runner,
    seen: readonly Seen[],
  ) {
    this.#options = options;
    this.#others = others.filter(({ name }) => name !== options.name);
    this.#runner = runner;
    this.#seen = seen;
  }

  async run(): Promise<SelectedDisks> {
    const { name, select } = this.#options;
    const labelled = this.#seen.filter(hasLabel);
    const onDisks = labelled.filter(({ disk }) => disk.otherwise === undefined);
    const isNamed = ({ look: { label } }: Own): boolean => label.backing === "devices" && label.name === name;
    // A copy in a file that somebody has attached is of no account beside the disks themselves.
    const odd = onDisks.some(isNamed) ? undefined : labelled.find(isNamed);
    if (odd !== undefined)
      return this.#refuse(
        new PoolSetupError(
          `pool ${name}: ${odd.disk.path} carries its label and ${odd.disk.otherwise}; name the disks of this pool under devices`,
        ),
      );
    let uuid: PoolUuid | undefined;
    try {
      uuid = poolOfName(
        name,
        onDisks.map(({ disk, look }) => ({ path: disk.path, label: look.label })),
        activeUuid(name),
      );
    } catch (error) {
      if (!(error instanceof PoolSetupError)) throw error;
      return this.#refuse(error);
    }
    const own = onDisks.filter(({ look }) => look.label.pool === uuid);
    for (const { disk } of own) this.#verdicts.set(disk, verdictOf(disk, "own"));
    const labels = own.map(({ look }) => look.label);
    const lost = lostMembers(labels);
    if (lost.length > 0)
      return this.#refuse(
        new DeviceMissingError(
          `pool ${name}: its ${lost.join(", ")} is on no disk of this machine and is waited for: plug it in; no other disk takes its place`,
        ),
      );
    const needed = neededDisks(select.count, labels);
    const { candidates, problem } = await this.#choose(needed, own);
    const isComplete = labels.some(({ member, state }) => member === "metadata" && state === "ready");
    if (problem !== undefined && !isComplete) return this.#refuse(problem);
    const looks = await Promise.allSettled(own.map(({ disk }) => this.#look(disk)));
    const failures = looks.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    const known = failures.filter((error) => error instanceof PoolSetupError);
    if (known.length < failures.length) throw failures.find((error) => !(error instanceof PoolSetupError));
    const found = looks.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const refusals = problem === undefined ? [] : [problem.message.replace(`pool ${name}: `, "")];
    if (labels.length > select.count)
      refusals.push(
        `select.count ${select.count} has no effect: the pool has ${disksOf(labels.length)} and gives none up`,
      );
    return {
      kind: "go",
      disks: [...found, ...candidates],
      failures: known,
      refusals,
      verdicts: this.#allVerdicts(),
    };
  }

  /** Exactly that many, or none and why. */
  async #choose(
    needed: number,
    own: readonly Seen[],
  ): Promise<{ readonly candidates: readonly Disk[]; readonly problem?: PoolSetupError }> {
    const { name, select } = this.#options;
    const mine = new Set(own);
    const strangers = this.#seen.filter((each) => !mine.has(each));
    const eligible: { readonly disk: ListedDisk; readonly looked: Disk }[] = [];
    const contested: string[] = [];
    for (const each of strangers) {
      const { disk } = each;
      const verdict = this.#byLook(each, needed, own.length);
      if (verdict !== undefined) {
        this.#verdicts.set(disk, verdict);
        continue;
      }
      const { problems, looked } = await this.#obstacles(disk);
      const rivals = problems.length > 0 ? [] : (await rivalsFor(disk, this.#others)).map(rivalry);
      if (problems.length + rivals.length > 0 || looked === undefined)
        this.#verdicts.set(disk, verdictOf(disk, "refused", [...problems, ...rivals]));
      else eligible.push({ disk, looked });
      contested.push(...rivals.map((why) => `${disk.path}: ${why}`));
    }
    if (needed === 0) return { candidates: [] };
    const wanted =
      own.length === 0 ? describeSelector(select) : `${disksOf(needed)} more (${describeSelector(select)})`;
    const flawed = strangers.flatMap(({ disk, look }) =>
      look.kind === "flaw" && disk.otherwise === undefined ? [`${disk.path}: ${look.reason}`] : [],
    );
    const none = (problem: PoolSetupError, reason: string) => {
      for (const { disk } of eligible) this.#verdicts.set(disk, verdictOf(disk, "unneeded", [reason]));
      return { candidates: [], problem };
    };
    if (contested.length > 0)
      return none(
        new PoolSetupError(`pool ${name}: selects no disk, as one is meant twice: ${contested.join("; ")}`),
        "another is meant by two pools",
      );
    // It may be one of this pool, and then this is no new one.
    if (flawed.length > 0)
      return none(
        new PoolSetupError(
          `pool ${name}: selects no disk, as one cannot be read that may be its own: ${flawed.join("; ")}`,
        ),
        "another cannot be read, and may be the pool's",
      );
    const paths = eligible.map(({ disk }) => disk.path).join(", ") || "none";
    if (eligible.length < needed) return none(this.#tooFew(wanted, paths), `the pool waits for ${wanted}`);
    if (eligible.length > needed)
      return none(
        new PoolSetupError(
          `pool ${name}: is to have ${wanted}, and ${eligible.length} would do: ${paths}; make the selector narrower, or set count to what the pool shall have`,
        ),
        "more would do than count says",
      );
    for (const { disk } of eligible) this.#verdicts.set(disk, verdictOf(disk, "chosen"));
    const inOrder = eligible.toSorted((one, other) => (one.disk.path < other.disk.path ? -1 : 1));
    return { candidates: inOrder.map(({ looked }) => looked) };
  }

  #tooFew(wanted: string, paths: string): DeviceMissingError {
    const close = [...this.#verdicts.values()]
      .filter(({ standing }) => standing === "refused")
      .map(({ path, reasons }) => `; not ${path}: ${reasons.join(", ")}`)
      .join("");
    return new DeviceMissingError(
      `pool ${this.#options.name}: waits for ${wanted} that are empty; there are: ${paths}${close}`,
    );
  }

  /** What is told without a look at the content; undefined: that is needed. */
  #byLook({ disk, look }: Seen, needed: number, owned: number): DiskVerdict | undefined {
    const others = mismatches(this.#options.select, disk);
    if (others.length > 0) return verdictOf(disk, "other", others);
    if (look.kind === "label") {
      const { name, pool } = look.label;
      return verdictOf(disk, "refused", [`belongs to pool ${name} (${pool})`]);
    }
    if (look.kind === "flaw") return verdictOf(disk, "refused", [look.reason]);
    if (disk.isRemovable) return verdictOf(disk, "refused", ["is removable"]);
    return needed === 0 ? verdictOf(disk, "unneeded", [`the pool has its ${disksOf(owned)}`]) : undefined;
  }

  async #obstacles(
    disk: ListedDisk,
  ): Promise<{ readonly problems: readonly string[]; readonly looked?: Disk }> {
    try {
      const looked = await this.#look(disk);
      const observation = await observeDisk("data", looked, []);
      if (looked.finding.kind === "foreign") return { problems: [`holds ${looked.finding.what}`] };
      const problems = problemsOfTaking(observation).map((each) => each.replace(`${looked.title}: `, ""));
      return { problems, looked };
    } catch (error) {
      if (!(error instanceof PoolSetupError)) throw error;
      return { problems: [error.message.replace(`${titleOf(disk)}: `, "")] };
    }
  }

  async #look(disk: ListedDisk): Promise<Disk> {
    const title = titleOf(disk);
    const looked = await lookAtDisk(this.#runner, this.#options.name, { path: disk.path, title });
    if (looked.device.number !== disk.number)
      throw new PoolSetupError(`${title}: became another disk while it was looked at; it is looked at again`);
    return looked;
  }

  #refuse(problem: PoolSetupError): SelectedDisks {
    return { kind: "refuse", problem, verdicts: this.#allVerdicts() };
  }

  #allVerdicts(): readonly DiskVerdict[] {
    return this.#seen.map(
      ({ disk }) =>
        this.#verdicts.get(disk) ?? verdictOf(disk, "unneeded", ["was not looked at any further"]),
    );
  }
}

const titleOf = ({ path }: ListedDisk): string => `disk ${path}`;
const hasLabel = (each: Seen): each is Own => each.look.kind === "label";
