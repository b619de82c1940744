/**
 * Power loss: the guest is killed in the middle of a random workload, sometimes once more in the middle of the recovery, and
 * a new guest on the same disks must find everything that was acknowledged.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { FaultCase, FaultContext, FaultOutcome } from "../case.ts";
import { cutAfter, GuestError, startGuest, type Guest, type GuestEnd } from "../guest.ts";
import { Random } from "../random.ts";
import type { Event } from "./events.ts";
import { holdsEvents, JOURNAL_BYTES, readJournal } from "./journal.ts";
import { modelOf } from "./model.ts";
import {
  STARTING,
  VERDICT,
  type Limits,
  type PoolDisks,
  type VerifySettings,
  type WorkloadSettings,
} from "./settings.ts";
import type { Verdict } from "./verify-pool.ts";

const LIMITS: Limits = { volumes: 9, used: 6, snapshots: 7 };
/** A workload that did not get to its cut by then is cut anyway. */
const LONGEST_MS = 40_000;
const POOL_CREATION_MS = 2500;
const RECOVERY_MS = 4000;
const MOST_RECOVERY_CUTS = 2;

interface Disks {
  readonly files: readonly string[];
  readonly journal: string;
  /** As the guests see them. */
  readonly pool: PoolDisks;
}

const IN_GUEST = { data: "/dev/ubdc", metadata: "/dev/ubdd", journal: "/dev/ubde" } as const;

/** Sparse files. */
export async function makeDisks(
  directory: string,
  sizes: Readonly<Record<string, number>>,
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const [name, size] of Object.entries(sizes)) {
    const path = join(directory, name);
    await using file = await open(path, "wx");
    await file.truncate(size);
    files.push(path);
  }
  return files;
}

async function poolDisks(directory: string, kind: "parts" | "loop"): Promise<Disks> {
  const files = await makeDisks(directory, { data: 8 * 2 ** 30, metadata: 2 ** 29, journal: JOURNAL_BYTES });
  const { data, metadata } = IN_GUEST;
  const pool: PoolDisks = kind === "parts" ? { kind, data, metadata } : { kind, disk: data };
  return { files, journal: join(directory, "journal"), pool };
}

export const programIn = (name: string, settings: object): readonly string[] => [
  `test/faults/power/${name}.ts`,
  JSON.stringify(settings),
];

function startWorkload({ files, pool }: Disks, seed: number, sync: boolean): Guest {
  const settings: WorkloadSettings = {
    seed,
    disks: pool,
    journal: IN_GUEST.journal,
    sync,
    limits: LIMITS,
    forEvents: 50_000,
    forMs: 2 * LONGEST_MS,
  };
  return startGuest({
    command: programIn("workload", settings),
    diskFiles: files,
    environment: { UV_THREADPOOL_SIZE: "32" },
  });
}

function startVerification({ files, pool }: Disks, recoverOnly: boolean): Guest {
  const settings: VerifySettings = { disks: pool, journal: IN_GUEST.journal, recoverOnly };
  return startGuest({ command: programIn("verify", settings), diskFiles: files });
}

/** Cuts the power when the journal has that many events, and a moment later. */
async function cutAtEvent(guest: Guest, journal: string, count: number, moreMs: number): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  while (guest.isRunning() && !(await holdsEvents(journal, count)) && performance.now() < end)
    await sleep(10);
  await sleep(moreMs);
  const ended = guest.isRunning() ? undefined : await guest.ended;
  if (ended !== undefined) throw new GuestError("ended by itself", ended);
  await guest.cut();
}

export function verdictOf(stdout: string): Verdict | undefined {
  const line = stdout.split("\n").findLast((each) => each.startsWith(VERDICT));
  return line === undefined ? undefined : (JSON.parse(line.slice(VERDICT.length)) as Verdict);
}

async function verify(disks: Disks): Promise<{ readonly verdict: Verdict; readonly end: GuestEnd }> {
  const end = await startVerification(disks, false).ended;
  const verdict = verdictOf(end.stdout);
  if (verdict === undefined) throw new GuestError("came to no verdict", end);
  return { verdict, end };
}

async function cutRecoveries(disks: Disks, random: Random): Promise<number> {
  let cuts = 0;
  while (cuts < MOST_RECOVERY_CUTS && random.chance(0.35)) {
    const guest = startVerification(disks, true);
    await guest.printed(STARTING);
    await cutAfter(guest, random.between(0, RECOVERY_MS));
    cuts += 1;
  }
  return cuts;
}

/** What was done, and what the verification and the driver said, for the person who looks into a violation. */
export function keepEvidence(name: string, events: readonly Event[], { stdout, stderr }: GuestEnd): void {
  const file = join(import.meta.dirname, "../../out", `faults-${name}.log`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, [...events.map((event) => JSON.stringify(event)), stdout, stderr].join("\n"));
  console.log(`  evidence: ${file}`);
}

function figuresOf(events: readonly Event[], cuts: number, { figures }: Verdict): string {
  const { records, operations } = modelOf(events).counts;
  const { volumes, snapshots, repeated, startMs, leaked } = figures;
  return (
    `cut after ${operations} operations and ${records} records` +
    `${cuts === 0 ? "" : `, ${cuts} more cuts in the recovery`}; ` +
    `${volumes} volumes and ${snapshots} snapshots whole, ${repeated} calls repeated, driver up in ${startMs} ms` +
    (leaked === 0 ? "" : `, ${leaked} data blocks leaked by the kernel`)
  );
}

async function run({ seed, share, directory }: FaultContext): Promise<FaultOutcome> {
  const random = new Random(seed, "power loss");
  const disks = await poolDisks(directory, random.chance(0.25) ? "loop" : "parts");
  const guest = startWorkload(disks, seed, true);
  await guest.printed(STARTING);
  if (random.chance(0.1)) await cutAfter(guest, random.between(0, POOL_CREATION_MS));
  else await cutAtEvent(guest, disks.journal, random.between(10, share ? 400 : 1200), random.between(0, 50));
  const cuts = await cutRecoveries(disks, random);
  const { verdict, end } = await verify(disks);
  const events = readJournal(disks.journal);
  if (verdict.violations.length > 0) keepEvidence(`power-loss-${seed}`, events, end);
  return {
    violations: verdict.violations,
    figures: `${disks.pool.kind} pool ${figuresOf(events, cuts, verdict)}`,
  };
}

export const powerLoss: FaultCase = {
  name: "power-loss",
  promises: [1, 2, 3, 4],
  seeds: { full: 12, share: 2 },
  run,
};

/** The same with records that are acknowledged without fsync: if none is missed, the verification is blind. */
export const powerLossNegative: FaultCase = {
  name: "power-loss-negative",
  promises: [],
  seeds: { full: 0, share: 0 },
  async run({ seed, directory }) {
    const random = new Random(seed, "power loss");
    const disks = await poolDisks(directory, "parts");
    const guest = startWorkload(disks, seed, false);
    await guest.printed(STARTING);
    await cutAtEvent(guest, disks.journal, 300, random.between(0, 50));
    const { verdict } = await verify(disks);
    const lost = verdict.violations.filter(({ evidence }) => evidence.includes("were durable"));
    const figures = `${figuresOf(readJournal(disks.journal), 0, verdict)}; ${lost.length} losses seen, as it must be`;
    const evidence = "records were acknowledged without fsync, and the verification missed none";
    return { violations: lost.length > 0 ? [] : [{ promise: 2, evidence }], figures };
  },
};
