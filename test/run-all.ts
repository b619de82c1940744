// `make test`: runs every stage, goes on after a failure, says where the time went and ends with the total.
// Takes the targets to run, all of them by default: `node test/run-all.ts unit kernel-1`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { formatReport, isGood, outcomeOf, type Outcome } from "./runner/outcome.ts";
import { FIRST, LANES, LAST, STAGES, type Stage } from "./runner/stages.ts";
import { forgetTally, readTally } from "./runner/tally.ts";

const OUT = join(import.meta.dirname, "out");

let interrupted = false;
// The terminal sends Ctrl-C to the running stages too, which clean up after themselves; only then does this end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (interrupted = true));

/** Output as it comes, or into `log`: two stages that run side by side would garble each other's. */
async function make(target: string, log: string | undefined): Promise<number> {
  const child = spawn("make", ["--no-print-directory", target], {
    stdio: log === undefined ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  const file = log === undefined ? undefined : createWriteStream(log);
  if (file !== undefined)
    for (const stream of [child.stdout, child.stderr]) stream?.pipe(file, { end: false });
  const [code] = (await once(child, "close")) as [number | null];
  if (file !== undefined) {
    file.end();
    await once(file, "finish");
  }
  return code ?? 1;
}

async function run(stage: Stage, beside: boolean): Promise<Outcome> {
  const suite = stage.count.by === "tally" ? stage.count.suite : undefined;
  if (suite !== undefined) forgetTally(suite);
  const log = beside ? join(OUT, `${stage.target}.log`) : undefined;
  if (log === undefined) console.log(`\n== ${stage.target}`);
  const started = performance.now();
  const exitCode = await make(stage.target, log);
  const seconds = (performance.now() - started) / 1000;
  if (log !== undefined) console.log(`\n== ${stage.target}\n${readFileSync(log, "utf8")}`);
  const tally = suite === undefined ? undefined : readTally(suite);
  return outcomeOf(stage, { exitCode, seconds, tally });
}

/** One after the other; what is left when a person interrupts is not begun. */
async function runInOrder(stages: readonly Stage[], beside: boolean): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const stage of stages) {
    if (interrupted) break;
    outcomes.push(await run(stage, beside));
  }
  return outcomes;
}

const wanted = new Set(process.argv.slice(2));
const unknown = [...wanted].filter((target) => STAGES.every((stage) => stage.target !== target));
if (unknown.length > 0) throw new Error(`no such stage: ${unknown.join(", ")}`);
const chosen = (stages: readonly Stage[]): readonly Stage[] =>
  stages.filter((stage) => wanted.size === 0 || wanted.has(stage.target));

mkdirSync(OUT, { recursive: true });
const started = performance.now();
const first = await runInOrder(chosen(FIRST), false);
const lanes = LANES.map(chosen).filter((lane) => lane.length > 0);
if (lanes.length > 1)
  console.log(
    `\n== side by side: ${lanes.map((lane) => lane.map((each) => each.target).join(", ")).join(" | ")}`,
  );
const rest = await Promise.all(lanes.map((lane) => runInOrder(lane, lanes.length > 1)));
const last = await runInOrder(chosen(LAST), false);
const outcomes = [...first, ...rest.flat(), ...last];
console.log(formatReport(outcomes, (performance.now() - started) / 1000));
process.exitCode = interrupted ? 130 : isGood(outcomes) ? 0 : 1;
