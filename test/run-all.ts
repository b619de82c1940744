// `make test`: runs every stage, goes on after a failure, says where the time went and ends with the total.
// Takes the targets to run, all of them by default: `node test/run-all.ts unit kernel`.

import { spawn } from "node:child_process";

import { formatReport, isGood, outcomeOf, type Outcome } from "./runner/outcome.ts";
import { STAGES, type Stage } from "./runner/stages.ts";
import { forgetTally, readTally } from "./runner/tally.ts";

let interrupted = false;
// The terminal sends Ctrl-C to the running stage too, which cleans up after itself; only then does this end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (interrupted = true));

function make(target: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn("make", ["--no-print-directory", target], { stdio: "inherit" });
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? 1));
  return promise;
}

async function run(stage: Stage): Promise<Outcome> {
  const suite = stage.count.by === "tally" ? stage.count.suite : undefined;
  if (suite !== undefined) forgetTally(suite);
  console.log(`\n== ${stage.target}`);
  const started = performance.now();
  const exitCode = await make(stage.target);
  const seconds = (performance.now() - started) / 1000;
  const tally = suite === undefined ? undefined : readTally(suite);
  return outcomeOf(stage, { exitCode, seconds, tally });
}

function chosen(targets: readonly string[]): readonly Stage[] {
  const unknown = targets.filter((target) => STAGES.every((stage) => stage.target !== target));
  if (unknown.length > 0) throw new Error(`no such stage: ${unknown.join(", ")}`);
  return targets.length === 0 ? STAGES : STAGES.filter((stage) => targets.includes(stage.target));
}

const outcomes: Outcome[] = [];
for (const stage of chosen(process.argv.slice(2))) {
  outcomes.push(await run(stage));
  if (interrupted) break;
}
console.log(formatReport(outcomes));
process.exitCode = interrupted ? 130 : isGood(outcomes) ? 0 : 1;
