/** A cgroup of its own, as a container is one: what is killed in it dies at once, children included. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = "/sys/fs/cgroup";
const GONE_MS = 20_000;

export class Cgroup {
  readonly directory: string;

  constructor(name: string) {
    this.directory = `${ROOT}/${name}`;
    mkdirSync(this.directory, { recursive: true });
  }

  /** SIGKILL for every process in it, in one act of the kernel, as when a container is out of memory. */
  async kill(): Promise<void> {
    writeFileSync(`${this.directory}/cgroup.kill`, "1");
    const end = performance.now() + GONE_MS;
    while (readFileSync(`${this.directory}/cgroup.events`, "utf8").includes("populated 1")) {
      if (performance.now() > end)
        throw new Error(`${this.directory}: processes are left ${GONE_MS} ms after the kill`);
      await sleep(10);
    }
  }
}
