/** Calls whose callers did not wait: what they began goes on, and only the driver can say when it has ended. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { logFrom, type CommandLog } from "../../support/command-log.ts";
import type { TestDriver } from "../../support/driver.ts";
import { linesOf } from "../../support/machine-state.ts";
import type { Caller } from "./caller.ts";
import { encode, RPCS } from "./contract.ts";

/** Nothing of the driver takes longer with a disk that answers: a busy mount is tried for 10 s, a turn for 30 s. */
const PATIENCE_MS = 90_000;
const LEFT = /"error":"(?:the caller[^"]*|[^"]* has no answer after [^"]*)goes on/;
const ENDED = '"msg":"an operation ended after its call"';
/** What says which call a line is about: with those of `csi/unary.ts`, all but how and when it was answered. */
const ANSWER: ReadonlySet<string> = new Set(["level", "time", "ms", "code", "error", "causes", "bug", "msg"]);

export class LeftCalls {
  readonly #log: CommandLog;

  private constructor(log: CommandLog) {
    this.#log = log;
  }

  /** Of all callers of this driver from now on; nobody must have left one that still goes on. */
  static of({ log }: Pick<TestDriver, "log">): LeftCalls {
    return new LeftCalls(logFrom(log));
  }

  /** Resolves when nothing goes on that was begun by a caller who has gone. Rejects with what does not end. */
  async ended(caller: Caller): Promise<void> {
    await this.#reached(caller);
    const end = performance.now() + PATIENCE_MS;
    for (let open = goingOn(this.#log.text()); open.length > 0; open = goingOn(this.#log.text())) {
      if (performance.now() > end) throw new Error(`still going on after their callers left: ${open.join()}`);
      await sleep(50);
    }
  }

  /**
   * What was sent on the caller's connection before has been read by the driver, and is in its log as far as it was left:
   * this call comes behind it on the connection, and so does its line in the log.
   */
  async #reached(caller: Caller): Promise<void> {
    const rpc = RPCS.find(({ name }) => name === "DeleteVolume");
    if (rpc === undefined) throw new Error("no rpc DeleteVolume");
    // Deleting what there is not is done at once, and logged with its id.
    const volume_id = `nothing-${randomUUID()}`;
    const { code, details } = await caller.send(rpc, encode(rpc.request, { volume_id }));
    if (code !== "OK") throw new Error(`DeleteVolume of ${volume_id} answered ${code}: ${details}`);
    await this.#log.until(new RegExp(`"volume_id":"${volume_id}"`));
  }
}

/** The calls that were left and have not ended, by a driver's log: once for each of several equal ones. */
export function goingOn(log: string): readonly string[] {
  const open = new Map<string, number>();
  const count = (line: string, by: number): void => {
    const call = callOf(line);
    open.set(call, (open.get(call) ?? 0) + by);
  };
  // The last line may be half written.
  for (const line of linesOf(log.slice(0, log.lastIndexOf("\n") + 1))) {
    if (line.includes(ENDED)) count(line, -1);
    else if (LEFT.test(line)) count(line, 1);
  }
  return [...open].flatMap(([call, times]) => Array.from({ length: Math.max(times, 0) }, () => call));
}

function callOf(line: string): string {
  const fields = Object.entries(JSON.parse(line) as Readonly<Record<string, unknown>>);
  return JSON.stringify(Object.fromEntries(fields.filter(([name]) => !ANSWER.has(name))));
}
