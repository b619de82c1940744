// `make test`: runs every stage, goes on after a failure, says where the time went and ends with the total.
// Takes the targets to run, all of them by default: `node test/run-all.ts unit kernel-1`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { formatReport, isGood, lastLinesOf, outcomeOf, type Outcome } from "./runner/outcome.ts";
import { FIRST, LANES, LAST, STAGES, type Stage } from "./runner/stages.ts";
import { forgetTally, readTally } from "./runner/tally.ts";

const OUT = join(import.meta.dirname, "out");

let interrupted = false;
// The terminal sends Ctrl-C to the running stages too, which clean up after themselves; only then does this end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (interrupted = true));

/** A person at a terminal gets the output as it comes, in colour. */
async function makeAtTerminal(target: string): Promise<number> {
  const child = spawn("make", ["--no-print-directory", target], { stdio: "inherit" });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

/** Output into `log`; two stages that run side by side would garble each other's, so only one alone is `shown` meanwhile. */
async function makeLogged(target: string, log: string, shown: boolean): Promise<number> {
  const child = spawn("make", ["--no-print-directory", target], { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(file, { end: false });
    if (shown) stream.pipe(process.stdout, { end: false });
  }
  const [code] = (await once(child, "close")) as [number | null];
  file.end();
  await once(file, "finish");
  return code ?? 1;
}

async function run(stage: Stage, beside: boolean): Promise<Outcome> {
  const suite = stage.count.by === "tally" ? stage.count.suite : undefined;
  if (suite !== undefined) forgetTally(suite);
  const log = beside || !process.stdout.isTTY ? join(OUT, `${stage.target}.log`) : undefined;
  if (!beside) console.log(`\n== ${stage.target}`);
  const started = performance.now();
  const exitCode = await (log === undefined
    ? makeAtTerminal(stage.target)
    : makeLogged(stage.target, log, !beside));
  const seconds = (performance.now() - started) / 1000;
  const output = log === undefined ? undefined : readFileSync(log, "utf8");
  if (beside) console.log(`\n== ${stage.target}\n${output}`);
  const tally = suite === undefined ? undefined : readTally(suite);
  const outcome = outcomeOf(stage, { exitCode, seconds, tally });
  return output === undefined ? outcome : { ...outcome, lastLines: lastLinesOf(output) };
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
