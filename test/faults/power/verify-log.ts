/** In the guest: disks as they were at places in a log of writes, and the verification of each. */
import { settingsOf, VERDICT, type ReplaySettings } from "./settings.ts";
import { Random } from "../random.ts";
import type { Violation } from "../case.ts";
import type { Event } from "./events.ts";
import { readJournal } from "./journal.ts";
import { modelOf, type Model } from "./model.ts";
import { divide, unite } from "./one-disk.ts";
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

/** Ascending: after flushes and FUA writes, and in the middle of flushes. */
function chooseStates(entries: readonly LogEntry[], random: Random, count: number): CrashState[] {
  const firstMark = entries.findIndex(({ kind }) => kind === "mark");
  const places = [...entries.keys()].filter((index) => ["flush", "fua"].includes(entries[index]?.kind ?? ""));
  const early = places.filter((index) => index < firstMark);
  const late = places.filter((index) => index >= firstMark);
  const many = Math.round(count * EARLY);
  const chosen = [...random.sample(early, many), ...random.sample(late, count - many)];
  return chosen
    .map((index) => {
      if (entries[index]?.kind === "fua" || random.chance(0.4)) return after(index);
      const kept = random.next();
      return during(entries, index, () => random.chance(kept));
    })
    .toSorted((one, other) => one.whole - other.whole);
}

/** What was acknowledged before the crash, and what had been begun. */
function modelAt(entries: readonly LogEntry[], events: readonly Event[], { until }: CrashState): Model {
  const last = entries.findLast(({ kind }, index) => kind === "mark" && index < until);
  const mark = last === undefined ? 0 : Number(last.text);
  const known = events.findIndex((event) => event.e === "marking" && event.mark === mark);
  const possible = events.findIndex((event) => event.e === "marked" && event.mark === mark + 1);
  return modelOf(events, Math.max(known, 0), possible === -1 ? events.length : possible);
}

async function verifyState(replay: Replay, state: CrashState, model: Model, name: string): Promise<Verdict> {
  const disk = await replay.open(state);
  const devices = await divide(disk);
  const verdict = await verifyPool({ model, devices, directory: `/run/${name}` });
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
