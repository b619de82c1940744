/** What the suite knows of an operation. */
import type { Place } from "./place.ts";

/** What is compared between the answers to the same request. */
export type Answer = unknown;

/** One operation about to be called. */
export interface Course {
  /** The begin of its lines in the trace. */
  readonly title: string;
  call(): Promise<Answer>;
  /** The id in an answer, of calls that make something. */
  idOf?(answer: Answer): string;
  /** Ids of what the call takes away. */
  readonly doomed?: readonly string[];
  /** After success: the work is whole. `survived`: what was made had been complete when the driver died. */
  check?(answer: Answer, survived: boolean): Promise<void>;
  /** The caller may never repeat it, and take things away at once. */
  readonly mayBeGivenUp?: boolean;
  /** Takes away whatever is left. */
  end(answer?: Answer): Promise<void>;
}

export interface Operation {
  readonly name: string;
  /** Makes what it works on. `tag` is in the names of it all, and in no other course. */
  readonly begin: (place: Place, tag: string) => Promise<Course>;
  /** A point whose step makes the outcome durable; from there on the driver that follows finds it done. */
  readonly outcome?: RegExp;
}
