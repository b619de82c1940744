/**
 * The driver's side of the resume guard: before it suspends a device it arms the guard, another process, which resumes
 * the device should the driver die or hang.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf, PoolUnavailableError } from "../core/errors.ts";
import { GuardLink } from "./guard-link.ts";
import { spawnGuard } from "./guard-process.ts";
import type { Bracket } from "./guard-protocol.ts";

export type { GuardedDevice } from "./guard-protocol.ts";

/** `deadlineMs`: from the arming to the guard's own resume. Devices exist now; mount points are absolute. */
export type ArmRequest = Omit<Bracket, "id">;

export interface Armed {
  /**
   * Call it after resuming. `fired`: the guard resumed, or may have resumed, something before this call, so what was done
   * meanwhile did not happen on a still device. Never rejects.
   */
  disarm(): Promise<"disarmed" | "fired">;
  /** Instead of disarming: has the guard resume now, and go on until it succeeds. */
  fire(): void;
}

export interface ResumeGuard {
  /** Resolves when the guard stands ready. Rejects with PoolUnavailableError: then suspend nothing. */
  arm(request: ArmRequest): Promise<Armed>;
  /** Drops the connection. Whatever is armed gets resumed. */
  close(): void;
}

export interface GuardClientOptions {
  readonly socket: string;
  /** Start a guard of our own where none listens; it ends some seconds after its last client. */
  readonly start?: { readonly stateDirectory: string };
}

const START_TIMEOUT_MS = 15_000;
const START_POLL_MS = 50;

/** One connection, made when first needed and again after a loss; kept open, as a guard of our own ends without it. */
export class GuardClient implements ResumeGuard {
  readonly #options: GuardClientOptions;
  #link: Promise<GuardLink> | undefined;

  constructor(options: GuardClientOptions) {
    this.#options = options;
  }

  /** Connects, starting a guard where that is the client's job: to know early. PoolUnavailableError where it fails. */
  async connect(): Promise<void> {
    await this.#connected();
  }

  async arm(request: ArmRequest): Promise<Armed> {
    const link = await this.#connected();
    const id = randomUUID();
    await link.arm({ id, ...request });
    let verdict: Promise<"disarmed" | "fired"> | undefined;
    return {
      disarm() {
        verdict ??= link.disarm(id);
        return verdict;
      },
      fire: () => link.fire(id),
    };
  }

  close(): void {
    const link = this.#link;
    this.#link = undefined;
    void link?.then(
      (each) => each.close(),
      () => undefined,
    );
  }

  #connected(): Promise<GuardLink> {
    if (this.#link !== undefined) return this.#link;
    const link = this.#open();
    this.#link = link;
    const forget = () => {
      if (this.#link === link) this.#link = undefined;
    };
    void link.then((each) => each.lost.then(forget), forget);
    return link;
  }

  async #open(): Promise<GuardLink> {
    const { socket: path, start } = this.#options;
    try {
      return new GuardLink(await dial(path));
    } catch (error) {
      if (start === undefined) throw this.#unreachable(error);
    }
    spawnGuard({ socket: path, stateDirectory: start.stateDirectory });
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      await delay(START_POLL_MS);
      try {
        return new GuardLink(await dial(path));
      } catch (error) {
        if (performance.now() > deadline) throw this.#unreachable(error);
      }
    }
  }

  #unreachable(cause: unknown): PoolUnavailableError {
    return new PoolUnavailableError(
      `the resume guard at ${this.#options.socket} cannot be reached (${messageOf(cause)}); ` +
        "without it no volume in use is suspended: see that the guard's container runs",
      { cause },
    );
  }
}

function dial(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(path);
  socket.once("connect", () => resolve(socket));
  socket.once("error", reject);
  return promise;
}
