/** One connection to the resume guard and the answers awaited on it. */
import type { Socket } from "node:net";

import { PoolUnavailableError } from "../core/errors.ts";
import { formatLine, MAX_LINE, parseReply } from "./guard-protocol.ts";
import type { Bracket, GuardReply, GuardRequest } from "./guard-protocol.ts";
import { LineSplitter } from "./lines.ts";

const ARM_TIMEOUT_MS = 5000;
/** Longer: a guard that is resuming answers when it is done. */
const DISARM_TIMEOUT_MS = 30_000;

export class GuardLink {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly lost: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, (reply: GuardReply | undefined) => void>();

  constructor(socket: Socket) {
    this.#socket = socket;
    // Waiting calls have timers of their own; an idle connection keeps no process alive.
    socket.unref();
    const lines = new LineSplitter(MAX_LINE);
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      for (const reply of lines.push(piece)?.map(parseReply) ?? [undefined]) {
        if (reply === undefined) socket.destroy();
        else this.#settle(reply);
      }
    });
    socket.on("error", () => undefined); // "close" follows
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    socket.on("close", () => {
      for (const settle of this.#waiting.values()) settle(undefined);
      resolve();
    });
  }

  /** Rejects with PoolUnavailableError unless the guard says that it stands ready. */
  async arm(bracket: Bracket): Promise<void> {
    const reply = await this.#ask(bracket.id, { arm: bracket }, ARM_TIMEOUT_MS);
    if (reply === undefined)
      throw new PoolUnavailableError("the resume guard did not answer; nothing was suspended");
    if ("armed" in reply) return;
    const reason = "refused" in reply ? reply.reason : "an answer out of turn";
    throw new PoolUnavailableError(`the resume guard refused: ${reason}; nothing was suspended`);
  }

  /** A guard that is gone resumed everything, or the next one did: nothing may be built on the bracket. */
  async disarm(id: string): Promise<"disarmed" | "fired"> {
    const reply = await this.#ask(id, { disarm: id }, DISARM_TIMEOUT_MS);
    return reply !== undefined && "disarmed" in reply ? "disarmed" : "fired";
  }

  /** A guard that does not know this request drops the connection, and with that fires too. */
  fire(id: string): void {
    this.#socket.write(formatLine({ fire: id }));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Undefined where no answer comes; the connection is then given up, and with it whatever else is armed. */
  async #ask(id: string, request: GuardRequest, timeoutMs: number): Promise<GuardReply | undefined> {
    if (this.#socket.destroyed) return undefined;
    const { promise, resolve } = Promise.withResolvers<GuardReply | undefined>();
    const timer = setTimeout(() => this.#socket.destroy(), timeoutMs);
    this.#waiting.set(id, resolve);
    this.#socket.write(formatLine(request));
    const reply = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return reply;
  }

  #settle(reply: GuardReply): void {
    this.#waiting.get(idOf(reply))?.(reply);
  }
}

function idOf(reply: GuardReply): string {
  if ("armed" in reply) return reply.armed;
  if ("refused" in reply) return reply.refused;
  return "disarmed" in reply ? reply.disarmed : reply.fired;
}
