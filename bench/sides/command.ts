/** Commands of the benchmark itself, timed from outside: from before the process is asked for until it has ended. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Timed {
  readonly ms: number;
  readonly stdout: string;
}

/** No shell. Throws with what the command said where it fails. */
export async function timed(command: string, ...args: readonly string[]): Promise<Timed> {
  const began = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C", DM_DISABLE_UDEV: "1", LVM_SUPPRESS_FD_WARNINGS: "1" },
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  const ms = performance.now() - began;
  if (code !== 0)
    throw new Error(`${[command, ...args].join(" ")} ended with ${code}: ${said.stderr}${said.stdout}`);
  return { ms, stdout: said.stdout };
}

export async function stopwatch(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
