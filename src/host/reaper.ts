/** Notices the end of processes that were not started by node:child_process, which looks after its own alone. */
import { type Libc, Memory } from "./libc.ts";

const WNOHANG = 1;
const LOOK_MS = 1000;

export class Reaper {
  readonly #libc: Libc;
  readonly #memory: Memory;
  readonly #status: bigint;
  readonly #living = new Map<number, (status: number | undefined) => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#memory = new Memory(libc, 16);
    this.#status = this.#memory.space(8);
    process.on("SIGCHLD", () => this.#reap());
  }

  /** Its wait status, see wait(2), once it is gone; undefined where another has taken that. */
  wait(pid: number): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.#living.set(pid, resolve);
    // Keeps this process alive as long as that one is, which a listener to a signal does not.
    this.#timer ??= setInterval(() => this.#reap(), LOOK_MS);
    return promise;
  }

  /** SIGKILL. Until its status is taken, a number belongs to no other process. */
  kill(pid: number): void {
    if (this.#living.has(pid)) process.kill(pid, "SIGKILL");
  }

  #reap(): void {
    for (const [pid, resolve] of this.#living) {
      const answer = this.#libc.call.waitpid(pid, this.#status, WNOHANG);
      if (answer === 0) continue;
      this.#living.delete(pid);
      resolve(answer === pid ? this.#memory.int(this.#status) : undefined);
    }
    if (this.#living.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
