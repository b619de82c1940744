/** Test kernels from outside: one command each, and the power cut. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = join(import.meta.dirname, "../..");
const VM = join(ROOT, "test/vm/vm");

export interface GuestOptions {
  /** The program and its arguments; a .ts file is run by Node. Relative to the repository. */
  readonly command: readonly string[];
  /** Existing files; /dev/ubdc is the first of them, see DMTHIN_DISKS. */
  readonly diskFiles?: readonly string[];
  /** Sizes of disks that vanish with the guest, behind those of `diskFiles`. */
  readonly disks?: readonly string[];
  readonly timeoutSeconds?: number;
  /** Threads for calls that block in the kernel, such as fsync on a suspended device. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface GuestEnd {
  /** Of the command; undefined after a power cut. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Guest {
  /** Resolves when nothing of the guest is left, and its disks are free. */
  readonly ended: Promise<GuestEnd>;
  isRunning(): boolean;
  /** Resolves when the command has printed the text. Rejects if it ends without. */
  printed(text: string): Promise<void>;
  /** The power fails: whatever the guest did not write and flush is lost. Resolves when its disks are free. */
  cut(): Promise<GuestEnd>;
}

/** Throws nothing by itself: a guest that does not boot ends with exit code 125. */
export function startGuest(options: GuestOptions): Guest {
  const [program = "", ...rest] = options.command;
  const command = program.endsWith(".ts") ? ["node", program, ...rest] : [program, ...rest];
  const settings = Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const disks = [
    ...(options.diskFiles ?? []).flatMap((file) => ["--disk-file", file]),
    ...(options.disks ?? []).flatMap((size) => ["--disk", size]),
  ];
  const limit = ["--timeout", String(options.timeoutSeconds ?? 300)];
  const run = [VM, "run", "--no-tty", ...limit, ...disks, "--", "env", ...settings, ...command];
  // Nothing outlives this process, whatever ends it. Every process of the guest inherits the fourth pipe: it closes
  // when the last of them is gone.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...run], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const watcher of watchers) watcher();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const last = child.stdio[3];
  if (last instanceof Readable) last.resume();
  const ended = (async (): Promise<GuestEnd> => {
    const [code] = (await once(child, "close")) as [number | null];
    return { exitCode: code ?? undefined, stdout, stderr };
  })();
  let running = true;
  void ended.then(() => (running = false));
  return {
    ended,
    isRunning: () => running,
    async printed(text) {
      const seen = Promise.withResolvers<undefined>();
      const look = (): void => {
        if (stdout.includes(text)) seen.resolve(undefined);
      };
      watchers.add(look);
      look();
      const end = await Promise.race([seen.promise, ended]);
      watchers.delete(look);
      if (end !== undefined && !stdout.includes(text)) throw new GuestError(`did not print ${text}`, end);
    },
    async cut() {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

/** A guest whose command did not do what it is there for: the test bed failed, not a promise. */
export class GuestError extends Error {
  constructor(what: string, { exitCode, stdout, stderr }: GuestEnd) {
    super(`the guest ${what} (exit code ${exitCode}):\n${tail(stdout)}\n${tail(stderr)}`);
  }
}

const tail = (text: string): string => text.trimEnd().split("\n").slice(-40).join("\n");

/** Cuts the power after that time, unless the guest ends before. */
export async function cutAfter(guest: Guest, ms: number): Promise<GuestEnd> {
  const timer = new AbortController();
  const timeout = sleep(ms, "now", { signal: timer.signal }).catch(() => "ended");
  const first = await Promise.race([timeout, guest.ended]);
  if (first === "now") return guest.cut();
  timer.abort();
  return guest.ended;
}
