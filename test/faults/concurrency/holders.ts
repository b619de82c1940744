/** Programs that keep a mount busy. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readlink, rm, rmdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "../../support/machine-state.ts";

export interface Holder {
  release(): Promise<void>;
}

/** Keeps what is mounted at the path from being unmounted. */
export type Hold = (path: string) => Promise<Holder>;

const FOREVER = "100000";

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

const openFile: Hold = async (path) => {
  const file = await open(`${path}/held`, "w");
  await file.write("held");
  return {
    release: async () => {
      await file.close();
      await rm(`${path}/held`);
    },
  };
};

const workingDirectory: Hold = async (path) => {
  const child = spawn("sleep", [FOREVER], { cwd: path, stdio: "ignore" });
  await once(child, "spawn");
  return { release: () => end(child) };
};

const nestedMount: Hold = async (path) => {
  await mkdir(`${path}/nested`);
  await run("mount", "-t", "tmpfs", "tmpfs", `${path}/nested`);
  return {
    release: async () => {
      await run("umount", `${path}/nested`);
      await rmdir(`${path}/nested`);
    },
  };
};

export const HOLDS: readonly { readonly what: string; readonly hold: Hold }[] = [
  { what: "a file open in it", hold: openFile },
  { what: "a process working in it", hold: workingDirectory },
  { what: "a mount below it", hold: nestedMount },
];

/** A mount namespace of its own, as a container has one: it goes on showing what was mounted when it was made. */
export class OtherNamespace {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<OtherNamespace> {
    const child = spawn("unshare", ["--mount", "--propagation", "private", "sleep", FOREVER], {
      stdio: "ignore",
    });
    await once(child, "spawn");
    const own = await readlink("/proc/self/ns/mnt");
    while ((await readlink(`/proc/${child.pid}/ns/mnt`)) === own) await sleep(20);
    // The propagation is changed after the namespace is made; the program starts after that.
    while (!(await readlink(`/proc/${child.pid}/exe`)).endsWith("sleep")) await sleep(20);
    return new OtherNamespace(child);
  }

  /** What the program prints in there. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return run("nsenter", "--target", String(this.#child.pid), "--mount", command, ...args);
  }

  end(): Promise<void> {
    return end(this.#child);
  }
}
