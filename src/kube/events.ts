/** Events: what people are told, with the object that it is about. Never more than the limits of plan/event-limits.ts. */
import { randomBytes } from "node:crypto";
import { PatchStrategy, setHeaderOptions, V1MicroTime } from "@kubernetes/client-node";
import { messageOf } from "../core/errors.ts";
import { DRIVER_NAME } from "../core/ids.ts";
import type { Log } from "../log.ts";
import { eventMove, FORGET_MS, MOST_EVENTS, take, type Bucket, type Told } from "../plan/event-limits.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";

export interface EventTarget {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent: it lies in none. */
  readonly namespace?: string;
  readonly uid: string;
}

export interface EventText {
  readonly type: "Warning" | "Normal";
  readonly reason: string;
  readonly note: string;
  /** What was done, or tried. */
  readonly action: string;
}

/** The API server's limit, in bytes. */
const LONGEST_NOTE = 1024;
/** Objects and reasons that are remembered. */
const MOST_TOLD = 10_000;

export class EventRecorder {
  readonly #api: Pick<Api, "events">;
  readonly #instance: string;
  readonly #log: Log;
  readonly #told = new Map<string, Told>();
  #bucket: Bucket = { tokens: MOST_EVENTS, at: performance.now() };
  #dropped = 0;

  constructor(api: Pick<Api, "events">, instance: string, log: Log) {
    this.#api = api;
    this.#instance = instance;
    this.#log = log;
  }

  /** `about`: what tells two of one object and reason apart. Rejects never: Events are told where they can be. */
  async record(target: EventTarget, text: EventText, about = ""): Promise<void> {
    const key = [target.kind, target.namespace, target.name, text.reason, about].join("/");
    const now = performance.now();
    const told = this.#told.get(key);
    const move = eventMove(told, now);
    const bucket = move === "hold" ? this.#bucket : take(this.#bucket, now);
    if (bucket === undefined) {
      this.#drop();
      return;
    }
    this.#bucket = bucket;
    const fresh = {
      name: eventName(target.name),
      count: 1,
      sentAt: now,
    };
    const next: Told =
      told === undefined || move === "create"
        ? { ...fresh, seenAt: now }
        : { ...told, count: told.count + 1, seenAt: now, ...(move === "series" ? { sentAt: now } : {}) };
    this.#remember(key, next, now);
    try {
      if (move === "create") await this.#create(target, text, next.name);
      if (move !== "series" || (await this.#count(target, next))) return;
      // It expired, or was deleted: it is told anew.
      const again = { ...fresh, seenAt: now };
      this.#remember(key, again, now);
      await this.#create(target, text, again.name);
    } catch (error) {
      this.#told.delete(key);
      this.#log.warn({ ...text, problem: messageOf(error) }, "an Event is not written");
    }
  }

  #remember(key: string, told: Told, now: number): void {
    this.#told.delete(key);
    this.#told.set(key, told);
    for (const [each, { seenAt }] of this.#told) {
      if (this.#told.size <= MOST_TOLD && now - seenAt < FORGET_MS) break;
      this.#told.delete(each);
    }
  }

  #drop(): void {
    this.#dropped += 1;
    // In powers of two: a flood must not become one of the log.
    if (Number.isInteger(Math.log2(this.#dropped)))
      this.#log.warn({ dropped: this.#dropped }, "too many Events; not all are written");
  }

  async #create(target: EventTarget, { type, reason, note, action }: EventText, name: string): Promise<void> {
    const namespace = target.namespace ?? "default";
    const body = {
      metadata: { name, namespace },
      eventTime: new V1MicroTime(),
      reportingController: DRIVER_NAME,
      reportingInstance: this.#instance.slice(0, 128),
      action,
      type,
      reason,
      note: noteOf(note),
      regarding: target,
    };
    await this.#api.events.createNamespacedEvent({ namespace, body }).catch((error: unknown) => {
      throw apiError(`Event about ${target.kind} ${target.name}`, error);
    });
  }

  /** False where there is no such Event any more. */
  async #count(target: EventTarget, { name, count }: Told): Promise<boolean> {
    const namespace = target.namespace ?? "default";
    const body = { series: { count, lastObservedTime: new V1MicroTime() } };
    const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    try {
      await this.#api.events.patchNamespacedEvent({ name, namespace, body }, merge);
      return true;
    } catch (error) {
      if (codeOf(error) === NOT_FOUND) return false;
      throw apiError(`Event about ${target.kind} ${target.name}`, error);
    }
  }
}

/** Names end in a letter or a digit, and so does each part of them. */
const eventName = (of: string): string =>
  `${of.slice(0, 200).replace(/[.-]+$/, "")}.${randomBytes(8).toString("hex")}`;

/** Cut between two characters. */
function noteOf(text: string): string {
  if (Buffer.byteLength(text) <= LONGEST_NOTE) return text;
  const room = new Uint8Array(LONGEST_NOTE - Buffer.byteLength("…"));
  return `${text.slice(0, new TextEncoder().encodeInto(text, room).read)}…`;
}
