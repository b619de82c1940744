/**
 * A killed guest keeps what it wrote and never flushed. Here nothing is kept that no flush confirmed: the pool's one disk lies
 * under dm-log-writes while a random workload runs; then the log is replayed, in another guest, up to places all along it,
 * also with parts of what a flush had under way, and the pool is verified there.
 */
import type { FaultCase, FaultContext } from "../case.ts";
import { GuestError, startGuest, type GuestEnd } from "../guest.ts";
import { JOURNAL_BYTES, readJournal } from "./journal.ts";
import { keepEvidence, makeDisks, programIn } from "./power-loss.ts";
import {
  VERDICT,
  type FlushSettings,
  type Limits,
  type ReplaySettings,
  type WorkloadSettings,
} from "./settings.ts";
import type { FlushVerdict } from "./verify-flushes.ts";
import type { LogVerdict } from "./verify-log.ts";

const GIB = 2 ** 30;
const LIMITS: Limits = { volumes: 6, used: 4, snapshots: 5 };
/** A workload is over when so much was done, or when that much time has passed. */
const SHARE_WORK = { forEvents: 400, forMs: 15_000 };
const FULL_WORK = { forEvents: 1200, forMs: 40_000 };
/** Of the budget; the rest is for the workload and the starts of two guests. */
const REPLAY_PART = 0.7;
const MOST_STATES = 40;

interface Replayed {
  readonly verdict: LogVerdict;
  readonly end: GuestEnd;
}

async function recordWrites(
  directory: string,
  seed: number,
  work: typeof FULL_WORK,
  sync: boolean,
): Promise<readonly string[]> {
  const [disk = "", log = "", journal = ""] = await makeDisks(directory, {
    disk: 6 * GIB,
    log: 32 * GIB,
    journal: JOURNAL_BYTES,
  });
  const settings: WorkloadSettings = {
    seed,
    disks: { kind: "logged", disk: "/dev/ubdc", log: "/dev/ubdd" },
    journal: "/dev/ubde",
    ...work,
    sync,
    limits: LIMITS,
  };
  const end = await startGuest({
    command: programIn("workload", settings),
    diskFiles: [disk, log, journal],
    environment: { UV_THREADPOOL_SIZE: "32" },
  }).ended;
  if (end.exitCode !== 0) throw new GuestError("did not come to the end of its workload", end);
  return [log, journal];
}

async function replay(
  recorded: readonly string[],
  { seed, budgetMs, directory }: FaultContext,
): Promise<Replayed> {
  const spare = await makeDisks(directory, { base: 6 * GIB, scratch: 6 * GIB });
  const settings: ReplaySettings = {
    seed,
    log: "/dev/ubdc",
    journal: "/dev/ubdd",
    base: "/dev/ubde",
    scratch: "/dev/ubdf",
    budgetMs: budgetMs * REPLAY_PART,
    mostStates: MOST_STATES,
  };
  const end = await startGuest({
    command: programIn("verify-log", settings),
    diskFiles: [...recorded, ...spare],
    timeoutSeconds: 600,
  }).ended;
  return { verdict: verdictIn(end) as LogVerdict, end };
}

async function recordAndReplay(context: FaultContext, sync: boolean): Promise<Replayed> {
  const work = context.share ? SHARE_WORK : FULL_WORK;
  return replay(await recordWrites(context.directory, context.seed, work, sync), context);
}

/** Of a program in a guest; rejects where it printed none. */
function verdictIn(end: GuestEnd): unknown {
  const line = end.stdout.split("\n").findLast((each) => each.startsWith(VERDICT));
  if (line === undefined) throw new GuestError("came to no verdict", end);
  return JSON.parse(line.slice(VERDICT.length));
}

const figuresOf = ({ states, entries, records, volumes, snapshots }: LogVerdict): string =>
  `${states} crash states along a log of ${entries} entries; in all of them together ` +
  `${records} records, ${volumes} volumes and ${snapshots} snapshots whole`;

export const logWrites: FaultCase = {
  name: "log-writes",
  promises: [1, 2, 3, 4],
  seeds: { full: 4, share: 1 },
  async run(context) {
    const { verdict, end } = await recordAndReplay(context, true);
    const { violations } = verdict;
    if (violations.length > 0)
      keepEvidence(`log-writes-${context.seed}`, readJournal(`${context.directory}/journal`), end);
    return { violations, figures: figuresOf(verdict) };
  },
};

/** Every flush and FUA write of a log, without a driver: what it would read at its start. */
export const everyFlush: FaultCase = {
  name: "every-flush",
  promises: [2, 4, 10],
  seeds: { full: 1, share: 0 },
  async run({ directory, seed }) {
    const recorded = await recordWrites(directory, seed, SHARE_WORK, true);
    const spare = await makeDisks(directory, { base: 6 * GIB, scratch: 6 * GIB });
    const settings: FlushSettings = {
      log: "/dev/ubdc",
      journal: "/dev/ubdd",
      base: "/dev/ubde",
      scratch: "/dev/ubdf",
    };
    const end = await startGuest({
      command: programIn("verify-flushes", settings),
      diskFiles: [...recorded, ...spare],
      timeoutSeconds: 900,
    }).ended;
    const { violations, flushes, states, catalogs, metadata } = verdictIn(end) as FlushVerdict;
    const figures = `${flushes} flushes and FUA writes; ${states} differ in labels, catalog (${catalogs}) or metadata (${metadata})`;
    return { violations, figures };
  },
};

/** The same with records that are acknowledged without fsync: if none is missed, the verification is blind. */
export const logWritesNegative: FaultCase = {
  name: "log-writes-negative",
  promises: [],
  seeds: { full: 0, share: 0 },
  async run(context) {
    const { verdict } = await recordAndReplay(context, false);
    const lost = verdict.violations.filter(({ evidence }) => evidence.includes("were durable"));
    const evidence = "records were acknowledged without fsync, and the verification missed none";
    const figures = `${figuresOf(verdict)}; ${lost.length} losses seen, as it must be`;
    return { violations: lost.length > 0 ? [] : [{ promise: 2, evidence }], figures };
  },
};
