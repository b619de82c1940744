/**
 * `dmthin pool plan`, `dmthin pool check` and `dmthin pool repair`: for people, on the node. Exit codes:
 * docs/guides/choose-a-backing.md, docs/guides/repair-a-pool.md.
 */
import { hostname } from "node:os";
import { mkdir } from "node:fs/promises";
import { readConfig, surroundingsOf } from "./config.ts";
import { messageOf, PreconditionError } from "./core/errors.ts";
import { faultPoint } from "./fault-point.ts";
import { createRunner } from "./host/run.ts";
import { withThinProgress } from "./host/thin-progress.ts";
import { ensureThinTargets } from "./host/thin-targets.ts";
import { findTools } from "./host/tools.ts";
import type { Acceptance, Assessment, Loss } from "./plan/repair.ts";
import { runPoolPlan } from "./pool-plan-command.ts";
import { checkPool } from "./pool/check.ts";
import type { PoolCheck } from "./pool/check.ts";
import { holdIdlePool } from "./pool/idle-pool.ts";
import type { IdlePool } from "./pool/idle-pool.ts";
import { repairPool } from "./pool/repair.ts";
import type { RepairHands, RepairOutcome } from "./pool/repair.ts";
import { ProgressLine, toolProgress } from "./progress-line.ts";

export type PoolCommand =
  | {
      readonly kind: "pool-plan";
      readonly pool: string;
      readonly configuration: string;
      readonly json: boolean;
    }
  | HoldingCommand;

/** Those for which no driver may hold the pool. */
type HoldingCommand =
  | { readonly kind: "pool-check"; readonly pool: string; readonly configuration: string }
  | {
      readonly kind: "pool-repair";
      readonly pool: string;
      readonly configuration: string;
      readonly accepted: Acceptance;
      readonly workDirectory: string;
    };

/** The pool is sound (now). */
const SOUND = 0;
/** It is damaged (still). */
const DAMAGED = 1;
/** Nothing can be said: the pool is in use, or cannot be reached. */
const UNDONE = 2;

const progress = new ProgressLine(process.stderr);

const say = (line: string): void => {
  progress.clear();
  process.stdout.write(`${line}\n`);
};

/** Answers the exit code. */
export async function runPoolCommand(command: PoolCommand): Promise<number> {
  try {
    return await run(command);
  } catch (error) {
    progress.clear();
    process.stderr.write(`dmthin: ${messageOf(error)}\n`);
    return UNDONE;
  }
}

async function run(command: PoolCommand): Promise<number> {
  const config = await readConfig(command.configuration, surroundingsOf(process.env, hostname()));
  const options = config.pools.find(({ name }) => name === command.pool);
  if (options === undefined) {
    const known = config.pools.map(({ name }) => name).join(", ");
    throw new PreconditionError(`pool ${command.pool} is not in ${command.configuration}; it has ${known}`);
  }
  if (command.kind === "pool-plan") return runPoolPlan(options, config.pools, command.json);
  const faults = faultPoint(process.env["DMTHIN_FAULT_FILE"]);
  const runner = withThinProgress(faults.watch(createRunner(findTools())), (each) =>
    progress.show(toolProgress(each)),
  );
  const onStep = (step: string): Promise<void> => faults.afterStep(step);
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o700 });
  return faults.around(command.kind, async () => {
    await ensureThinTargets(runner);
    const pool = await holdIdlePool(options, {
      runner,
      stateDirectory: config.stateDirectory,
      report: (_level, message) => say(message),
      onStep,
    });
    try {
      return await act(command, pool, onStep);
    } finally {
      await pool.close();
    }
  });
}

async function act(
  command: HoldingCommand,
  pool: IdlePool,
  onStep: (step: string) => Promise<void>,
): Promise<number> {
  if (command.kind === "pool-check") return sayCheck(command.pool, await checkPool(pool));
  const { accepted, workDirectory } = command;
  const hands: RepairHands = {
    accepted,
    workDirectory,
    say,
    progress: (text) => progress.show(text),
    onStep,
  };
  return sayOutcome(command.pool, await repairPool(pool, hands));
}

function sayCheck(name: string, { extent, problems, thins }: PoolCheck): number {
  say(`checked: ${extent}`);
  for (const problem of problems) say(`- ${problem}`);
  if (problems.length === 0) {
    say(`pool ${name} is sound: ${thins} thins, all as the catalog lists them`);
    return SOUND;
  }
  say(`pool ${name} is not sound; end the pods that use it, then: dmthin pool repair ${name}`);
  return DAMAGED;
}

function sayOutcome(name: string, outcome: RepairOutcome): number {
  switch (outcome.kind) {
    case "sound":
      say(`pool ${name}: its metadata is sound; nothing was changed`);
      return SOUND;
    case "cleared":
      say(`pool ${name}: its metadata is sound; needs_check is cleared`);
      sayNext();
      return SOUND;
    case "repaired":
      sayAssessment(outcome.assessment);
      say(`pool ${name} is repaired: meta and spare have changed their roles`);
      say("the damaged metadata is on the spare, untouched, until the next repair needs it");
      sayNext();
      return SOUND;
    case "refused":
      if (outcome.assessment !== undefined) sayAssessment(outcome.assessment);
      for (const reason of outcome.reasons) say(`- ${reason}`);
      say(`pool ${name} is not repaired; its metadata is as it was`);
      return DAMAGED;
  }
}

const sayNext = (): void => say("a running driver opens the pool by itself; a stopped one at its next start");

function sayAssessment({ losses, excess }: Assessment): void {
  for (const loss of losses) say(`- ${textOf(loss)}`);
  for (const reason of excess) say(`- ${reason}: the driver will open the pool read-only`);
  if (losses.length + excess.length === 0) say("every thin of the catalog is there, with all its blocks");
}

function textOf({ what, had, has }: Loss): string {
  if (has === undefined) return `${what}: is lost`;
  return `${what}: has ${has} of ${had} blocks`;
}
