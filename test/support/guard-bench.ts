/** Devices to suspend, guards and drivers to kill, on the test kernel. `clear` takes everything down again. */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import type { DmName, DmUuid } from "../../src/core/ids.ts";
import type { GuardedDevice } from "../../src/host/guard-protocol.ts";
import type { GuardDriverOptions } from "./guard-driver.ts";
import { scratchDirectory } from "./scratch.ts";
import { sh } from "./sh.ts";

type Child = ChildProcessByStdio<Writable, Readable, null>;

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const DRIVER = join(import.meta.dirname, "guard-driver.ts");
const START_MS = 30_000;

export class GuardBench {
  readonly state = mkdtempSync("/run/dmthin-guard-");
  readonly socket = join(this.state, "guard.sock");
  readonly scratch: string;
  readonly #children: Child[] = [];
  readonly #devices = new Set<string>();
  readonly #loops: string[] = [];
  readonly #mounts: string[] = [];

  constructor() {
    this.scratch = mkdtempSync(join(scratchDirectory(), "guard-"));
  }

  /** A device of the pool, on nothing: every read of it fails, suspending works. */
  device(pool: string, number: number, uuid?: string): GuardedDevice {
    const role = `v-${String(number).padStart(20, "0")}`;
    const name = `dmthin-${pool.slice(0, 4)}-${role}` as DmName;
    const made = (uuid ?? `DMTHIN-${pool}-${role}`) as DmUuid;
    sh("dmsetup", "create", name, "--uuid", made, "--table", "0 2048 error");
    this.#devices.add(name);
    return { name, uuid: made };
  }

  /** A linear device with a mounted ext4. */
  filesystem(pool: string, number: number): GuardedDevice & { readonly mountPoint: string } {
    const role = `v-${String(number).padStart(20, "0")}`;
    const device = {
      name: `dmthin-${pool.slice(0, 4)}-${role}` as DmName,
      uuid: `DMTHIN-${pool}-${role}` as DmUuid,
    };
    const file = join(this.scratch, `${role}.img`);
    writeFileSync(file, "");
    truncateSync(file, 64 * 1024 * 1024);
    const loop = sh("losetup", "--find", "--show", file);
    this.#loops.push(loop);
    sh("dmsetup", "create", device.name, "--uuid", device.uuid, "--table", `0 131072 linear ${loop} 0`);
    this.#devices.add(device.name);
    sh("mkfs.ext4", "-q", `/dev/mapper/${device.name}`);
    const mountPoint = join(this.scratch, role);
    mkdirSync(mountPoint);
    sh("mount", `/dev/mapper/${device.name}`, mountPoint);
    this.#mounts.push(mountPoint);
    return { ...device, mountPoint };
  }

  /** The guard as its container runs it; ready when this returns. */
  async guard(): Promise<Child> {
    const child = this.#spawn(MAIN, "guard", "--socket", this.socket, "--state-directory", this.state);
    const deadline = performance.now() + START_MS;
    while (!existsSync(this.socket)) {
      if (performance.now() > deadline || child.exitCode !== null) throw new Error("the guard did not start");
      await delay(20);
    }
    return child;
  }

  /** A driver that has armed and suspended. Lines it prints later are read with `said`. */
  async driver(options: Partial<GuardDriverOptions> & { readonly device: GuardedDevice }): Promise<Child> {
    const defaults = { socket: this.socket, stateDirectory: this.state, deadlineMs: 60_000, starts: false };
    const child = this.#spawn(DRIVER, JSON.stringify({ ...defaults, ...options }));
    const line = await said(child);
    if (line !== "suspended") throw new Error(`the driver said ${line}`);
    return child;
  }

  suspended(device: GuardedDevice): boolean {
    return sh("dmsetup", "info", "-c", "--noheadings", "-o", "suspended", device.name) === "Suspended";
  }

  /** Milliseconds until the device runs again. */
  async resumedAfter(device: GuardedDevice, begin: number, limitMs: number): Promise<number> {
    while (this.suspended(device)) {
      if (performance.now() - begin > limitMs)
        throw new Error(`${device.name} is suspended after ${limitMs} ms`);
      await delay(20);
    }
    return performance.now() - begin;
  }

  notes(): readonly string[] {
    return readdirSync(join(this.state, "brackets"));
  }

  clear(): void {
    for (const child of this.#children.splice(0)) child.kill("SIGKILL");
    for (const name of this.#devices) sh("dmsetup", "resume", name);
    for (const mountPoint of this.#mounts.splice(0)) sh("umount", mountPoint);
    for (const name of this.#devices) sh("dmsetup", "remove", "--retry", name);
    this.#devices.clear();
    for (const loop of this.#loops.splice(0)) sh("losetup", "--detach", loop);
    rmSync(this.scratch, { recursive: true });
    rmSync(this.state, { recursive: true });
  }

  #spawn(...args: readonly string[]): Child {
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "ignore"] });
    this.#children.push(child);
    return child;
  }
}

/** The next line of a process; undefined where it ends without one. */
export async function said(child: Child): Promise<string | undefined> {
  const lines = createInterface({ input: child.stdout });
  try {
    const [line] = (await Promise.race([once(lines, "line"), once(lines, "close")])) as [string?];
    return line;
  } finally {
    lines.removeAllListeners();
  }
}
