/** The guard's memory: which brackets are armed, for whom, and what becomes of each. */
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../core/errors.ts";
import type { Bracket, GuardReply } from "./guard-protocol.ts";

/** What the guard does to the world. */
export interface GuardEffects {
  /** Why a bracket cannot be guarded from here; undefined where it can. */
  refuse(bracket: Bracket): string | undefined;
  /** Notes the bracket; it is written when this returns. */
  remember(bracket: Bracket): void;
  forget(id: string): void;
  /** Resumes and thaws what needs it. What failed, in words; empty when nothing is left to do. */
  release(bracket: Bracket): Promise<readonly string[]>;
  /** Whether a device of the bracket is suspended now. Starts no process. */
  isHeld(bracket: Bracket): boolean;
  log(facts: Readonly<Record<string, unknown>>): void;
}

interface Entry {
  readonly bracket: Bracket;
  /** Whose connection it came by. */
  readonly owner: object;
  readonly timer: NodeJS.Timeout;
  /** Set once it fires; resolves when everything is resumed. */
  firing?: Promise<void>;
  over: boolean;
}

export interface Watch {
  readonly totalMs: number;
  readonly pauseMs: number;
}

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;
/**
 * A suspend that was killed while it waited for write-back can complete in the kernel long after its process and its
 * driver are gone (seen on Linux 7.2): what was resumed is watched for this long.
 */
const WATCH: Watch = { totalMs: 120_000, pauseMs: 1000 };

export class GuardBrackets {
  readonly #effects: GuardEffects;
  readonly #entries = new Map<string, Entry>();
  readonly #onQuiet: () => void;
  readonly #watch: Watch;
  /** Brackets resumed a while ago. */
  readonly #watched = new Set<Bracket>();

  /** `onQuiet` is called whenever the last active bracket has ended. */
  constructor(effects: GuardEffects, onQuiet: () => void, watch = WATCH) {
    this.#effects = effects;
    this.#onQuiet = onQuiet;
    this.#watch = watch;
  }

  /** Brackets armed or being resumed. */
  get active(): number {
    return this.#entries
      .values()
      .filter((entry) => !entry.over)
      .toArray().length;
  }

  /** Brackets resumed a while ago whose devices are still looked at. */
  get watched(): number {
    return this.#watched.size;
  }

  /** The note is written before the answer says so. */
  arm(owner: object, bracket: Bracket): GuardReply {
    const { id, deadlineMs } = bracket;
    try {
      const reason = this.#entries.has(id) ? "the id is in use" : this.#effects.refuse(bracket);
      if (reason !== undefined) return { refused: id, reason };
      this.#effects.remember(bracket);
    } catch (error) {
      return { refused: id, reason: messageOf(error) };
    }
    // From now on somebody else answers for these devices: a suspend is wanted again.
    for (const watched of this.#watched) if (sharesDevice(watched, bracket)) this.#watched.delete(watched);
    const timer = setTimeout(() => void this.#fire(id, "its deadline has passed"), deadlineMs);
    this.#entries.set(id, { bracket, owner, timer, over: false });
    return { armed: id };
  }

  /** An id that is not this owner's is reported as fired: the guard cannot vouch for it. Waits for a resume under way. */
  async disarm(owner: object, id: string): Promise<GuardReply> {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.owner !== owner) return { fired: id };
    if (entry.firing === undefined) {
      clearTimeout(entry.timer);
      this.#end(id, entry);
      this.#entries.delete(id);
      return { disarmed: id };
    }
    await entry.firing;
    this.#entries.delete(id);
    return { fired: id };
  }

  /** The owner lives and cannot resume by itself. It is answered before the guard has done it. */
  fire(owner: object, id: string): GuardReply {
    const entry = this.#entries.get(id);
    if (entry?.owner === owner) void this.#abandon(id, entry, "its owner asks for it");
    return { fired: id };
  }

  /** The owner is gone: everything of its is resumed now. */
  drop(owner: object): void {
    for (const [id, entry] of this.#entries) {
      if (entry.owner === owner) void this.#abandon(id, entry, "the connection of its owner ended");
    }
  }

  async #abandon(id: string, entry: Entry, why: string): Promise<void> {
    await (entry.firing ?? this.#fire(id, why));
    this.#entries.delete(id);
  }

  #fire(id: string, why: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return Promise.resolve();
    clearTimeout(entry.timer);
    entry.firing ??= this.#release(id, entry, why);
    return entry.firing;
  }

  /** Goes on until nothing is left suspended: nobody else will. */
  async #release(id: string, entry: Entry, why: string): Promise<void> {
    const { devices, mountPoints } = entry.bracket;
    this.#effects.log({ message: `resume: ${why}`, bracket: id, devices, mountPoints });
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      const problems = await this.#attempt(entry.bracket);
      if (problems.length === 0) break;
      this.#effects.log({ message: "resume failed, trying again", bracket: id, problems, waitMs: wait });
      await delay(wait);
    }
    this.#effects.log({ message: "resumed", bracket: id });
    void this.#keepWatch(entry.bracket);
    this.#end(id, entry);
  }

  async #keepWatch(bracket: Bracket): Promise<void> {
    this.#watched.add(bracket);
    const end = performance.now() + this.#watch.totalMs;
    while (performance.now() < end && this.#watched.has(bracket)) {
      // Not a reason to stay for a guard that was told to end.
      await delay(this.#watch.pauseMs, undefined, { ref: false });
      if (!this.#watched.has(bracket) || !this.#isHeld(bracket)) continue;
      const problems = await this.#attempt(bracket);
      this.#effects.log({ message: "resumed once more: a suspend came late", bracket: bracket.id, problems });
    }
    this.#watched.delete(bracket);
    if (this.active === 0 && this.watched === 0) this.#onQuiet();
  }

  /** Where it cannot be told, it is tried: resuming what runs is harmless. */
  #isHeld(bracket: Bracket): boolean {
    try {
      return this.#effects.isHeld(bracket);
    } catch {
      return true;
    }
  }

  async #attempt(bracket: Bracket): Promise<readonly string[]> {
    try {
      return await this.#effects.release(bracket);
    } catch (error) {
      return [messageOf(error)];
    }
  }

  #end(id: string, entry: Entry): void {
    entry.over = true;
    try {
      this.#effects.forget(id);
    } catch (error) {
      // A note too many makes the next start look at devices that are fine.
      this.#effects.log({ message: "note not removed", bracket: id, problem: messageOf(error) });
    }
    if (this.active === 0) this.#onQuiet();
  }
}

function sharesDevice(one: Bracket, other: Bracket): boolean {
  const uuids = new Set(one.devices.map((device) => device.uuid));
  return other.devices.some((device) => uuids.has(device.uuid));
}
