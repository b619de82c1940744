/** What the guests of a move are told, as JSON in their one argument, and what they tell. */
import type { Content } from "../../support/volume-life.ts";

/** On whole disks; its name is taken on machine B. */
export const WHOLE = "data";
/** What it is called from then on. */
export const MOVED = "moved";
/** On two devices, the names of which change places on machine B. */
export const SPLIT = "split";
/** On machine A's own disk. */
export const STAYS = "stays";

/** `own`: of the machine that boots. `stranger`: somebody else's disk, which nobody may write to. */
export type DiskName = "own" | "stranger" | "one" | "two" | "metadata" | "data";
export type MachineName = "a" | "b";

export const ORDERS = {
  a: ["own", "one", "two", "metadata", "data"],
  b: ["stranger", "two", "own", "data", "metadata", "one"],
  /** B, with a disk of either pool left behind. */
  incomplete: ["stranger", "own", "one", "metadata"],
} as const satisfies Readonly<Record<string, readonly DiskName[]>>;

export interface GuestSettings {
  readonly machine: MachineName;
  /** Of the disks, as they are plugged in. */
  readonly order: readonly DiskName[];
  /** The machine's own disk is blank. */
  readonly fresh: boolean;
}

export interface PackSettings extends GuestSettings {
  /** Pods and driver end, then the machine. Otherwise writers go on until the power is cut. */
  readonly clean: boolean;
}

export interface CargoSettings extends GuestSettings {
  readonly cargo: Cargo;
}

export interface PackedVolume {
  readonly name: string;
  readonly id: string;
  readonly content: Content;
  /** Bytes, as decimal text: JSON has no bigint. */
  readonly size: string;
  readonly sum: string;
  /** Records of a writer that were durable at the end, at least. */
  readonly records?: number;
}

export interface PackedSnapshot {
  readonly name: string;
  readonly id: string;
  readonly content: Content;
  readonly size: string;
  /** Of the origin's content at the cut. */
  readonly sum: string;
}

export interface PackedPool {
  readonly pool: string;
  readonly uuid: string;
  readonly volumes: readonly PackedVolume[];
  readonly snapshots: readonly PackedSnapshot[];
  readonly groups: readonly { readonly id: string; readonly members: readonly string[] }[];
  /** What ListVolumes and ListSnapshots say, an entry each, without the node. */
  readonly listed: readonly string[];
}

/** By what the pools have in common on both machines, whatever they are called. */
export interface Cargo {
  readonly whole: PackedPool;
  readonly split: PackedPool;
  readonly stays: PackedPool;
}

/** Printed by the guests, each on a line of its own. */
export const CARGO = "move: cargo ";
export const WRITING = "move: writers are at work";
export const DURABLE = "move: durable ";
export const VERDICT = "move: verdict ";
