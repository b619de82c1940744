/** The bed's processes: each has a log of its own, and none outlives the bed's process namespace. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Its standard output. Throws with what it said where it fails. */
export async function command(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, args, { maxBuffer: 64 << 20 });
  return stdout;
}

/** In a session of its own, so that endGroup ends what it started too. */
export function daemon(
  log: string,
  argv: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const output = openSync(log, "a");
  const [program, ...args] = argv;
  const child = spawn(program, args, { detached: true, env: environment, stdio: ["ignore", output, output] });
  closeSync(output);
  return child;
}

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

/** At once, as a power cut does. Resolves when the first process is gone; those it left behind are killed too. */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const end = hasEnded(child) ? undefined : once(child, "exit");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
  await end;
}

/** Asks until the answer is true; throws `what` after that time. */
export async function until(what: string, ms: number, ask: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + ms;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
    await sleep(200);
  }
}
