/** In the guest: disks as they were at places in a log of writes, and the verification of each. */
import { settingsOf, VERDICT, type ReplaySettings } from "./settings.ts";
import { Random } from "../random.ts";
import type { Violation } from "../case.ts";
import { readJournal } from "./journal.ts";
import type { Model } from "./model.ts";
import { modelAt } from "./moments.ts";
import { divide, unite } from "./one-disk.ts";
import { prepareDisks } from "./pool-disks.ts";
import { Replay } from "./replay.ts";
import { verifyPool, type Verdict } from "./verify-pool.ts";
import { after, during, type CrashState, type LogEntry } from "./write-log.ts";

/** Of states while the pool is being made, among all. */
const EARLY = 0.15;

export interface LogVerdict {
  readonly violations: readonly Violation[];
  readonly states: number;
  readonly entries: number;
  readonly records: number;
  readonly volumes: number;
  readonly snapshots: number;
}

/** Half of them in the middle of flushes, half after flushes and FUA writes; ascending. */
function chooseStates(entries: readonly LogEntry[], random: Random, count: number): CrashState[] {
  const firstMark = entries.findIndex(({ kind }) => kind === "mark");
  const isAny = (index: number, ...kinds: readonly LogEntry["kind"][]): boolean =>
    kinds.some((kind) => entries[index]?.kind === kind);
  const places = [...entries.keys()];
  const ends = places.filter((index) => isAny(index, "flush", "fua"));
  // With more than one write under way, there is more than all or nothing.
  const flushes = places.filter(
    (index) =>
      isAny(index, "flush") && isAny(index - 1, "write", "discard") && isAny(index - 2, "write", "discard"),
  );
  const isEarly = (index: number): boolean => index < firstMark;
  const early = Math.round((count * EARLY) / 2);
  const pick = (from: readonly number[]): readonly number[] => [
    ...random.sample(from.filter(isEarly), early),
    ...random.sample(
      from.filter((index) => !isEarly(index)),
      Math.ceil(count / 2) - early,
    ),
  ];
  const inFlushes = pick(flushes).map((index) => {
    const kept = random.next();
    return during(entries, index, () => random.chance(kept));
  });
  return [...inFlushes, ...pick(ends).map(after)].toSorted((one, other) => one.whole - other.whole);
}

async function verifyState(replay: Replay, state: CrashState, model: Model, name: string): Promise<Verdict> {
  const disk = await replay.open(state);
  const disks = await prepareDisks({ kind: "parts", ...(await divide(disk)) }, { fresh: false });
  const verdict = await verifyPool({ model, disks, directory: `/run/${name}` });
  await unite();
  await replay.drop();
  return verdict;
}

async function verifyLog(settings: ReplaySettings): Promise<LogVerdict> {
  const started = performance.now();
  const events = readJournal(settings.journal);
  const replay = new Replay(settings);
  const { entries } = replay;
  const random = new Random(settings.seed, "states");
  const states = chooseStates(entries, random, settings.mostStates);
  const sum = { states: 0, records: 0, volumes: 0, snapshots: 0 };
  const violations: Violation[] = [];
  const elapsed = (): number => performance.now() - started;
  for (let state = states.shift(); state !== undefined; state = states.shift()) {
    const model = modelAt(entries, events, state);
    const { records, operations } = model.counts;
    const verdict = await verifyState(replay, state, model, `state-${sum.states}`);
    sum.states += 1;
    sum.records += records;
    sum.volumes += verdict.figures.volumes;
    sum.snapshots += verdict.figures.snapshots;
    const place = `entry ${state.whole} of ${entries.length} and ${state.extra.length} more`;
    console.log(`${place}: ${operations} operations, ${records} records, ${JSON.stringify(verdict.figures)}`);
    for (const { promise, evidence } of verdict.violations)
      violations.push({ promise, evidence: `crash at ${place}: ${evidence}` });
    // Where time is short, states are left out all along the log, not at its end.
    const affordable = Math.floor((settings.budgetMs - elapsed()) / (elapsed() / sum.states));
    if (affordable < states.length) states.splice(0, Math.ceil(states.length / (affordable + 1)) - 1);
    if (affordable < 1) break;
  }
  return { violations, entries: entries.length, ...sum };
}

console.log(`${VERDICT}${JSON.stringify(await verifyLog(settingsOf() as ReplaySettings))}`);
