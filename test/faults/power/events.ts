/**
 * What a workload did, in order. An event is recorded before the next thing is begun: what has no event has not
 * happened, what has an end was acknowledged.
 */
import type { Content } from "../../support/volume-life.ts";

/** Objects by the names they were created with; sizes are decimal text of bytes. */
export type Operation =
  | { readonly kind: "create"; readonly volume: string; readonly content: Content; readonly size: string }
  | {
      readonly kind: "copy";
      readonly volume: string;
      readonly content: Content;
      readonly size: string;
      /** A volume or a snapshot. */
      readonly from: string;
    }
  | { readonly kind: "use"; readonly volume: string }
  | { readonly kind: "release"; readonly volume: string }
  | { readonly kind: "grow"; readonly volume: string; readonly size: string }
  | { readonly kind: "delete-volume"; readonly volume: string }
  | { readonly kind: "snapshot"; readonly snapshot: string; readonly volume: string }
  | { readonly kind: "delete-snapshot"; readonly snapshot: string }
  | { readonly kind: "group"; readonly group: string; readonly volumes: readonly string[] }
  | { readonly kind: "delete-group"; readonly group: string };

/** What was answered: the id and size of the object made; of a group its members, by the names of their volumes. */
export interface Answer {
  readonly id?: string;
  readonly size?: string;
  readonly members?: Readonly<Record<string, string>>;
}

export type Event =
  | { readonly e: "begin"; readonly op: number; readonly what: Operation }
  | { readonly e: "end"; readonly op: number; readonly answer: Answer }
  /** Refused, though nothing was wrong. */
  | { readonly e: "failed"; readonly op: number; readonly why: string }
  /** From now on these are written to in turns: record n of the first is durable before that of the second is begun. */
  | { readonly e: "pair"; readonly volumes: readonly [string, string] }
  /** A writer met an error. */
  | { readonly e: "broken"; readonly volume: string; readonly why: string }
  /** Records 0 to `n` of the volume's writer are durable, says fsync. */
  | { readonly e: "record"; readonly volume: string; readonly n: number }
  /** A mark in the log of writes, by number: asked for, and made. */
  | { readonly e: "marking" | "marked"; readonly mark: number };

/** The name of a group's member in a model of the objects. */
export const memberName = (group: string, volume: string): string => `${group}.${volume}`;
