/**
 * What a pool stands on. A backing knows its devices (files, partitions); everything that all backings share is here:
 * look first, decide, and only then touch. `prepareBacking` writes nothing; `materialize` does.
 */
import { randomBytes } from "node:crypto";
import type { BlockDevice, LinearSegment } from "../core/dm.ts";
import { DeviceMissingError, PoolSetupError } from "../core/errors.ts";
import { isPoolUuid } from "../core/ids.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { BackingKind, PoolOptions } from "../core/pool-options.ts";
import { formatBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import type { Partition } from "../host/sfdisk.ts";
import { decide } from "./decision.ts";
import type { DiskVerdict } from "./devices/disk-selector.ts";
import type { Decision, Observation, Overwrite } from "./decision.ts";
import type { Growth, Wish } from "./growth.ts";
import type { Label } from "./label.ts";
import type { ExtentRole, Extents, Member } from "./layout.ts";
import { Members } from "./members.ts";

/** What a person reads in the log while a pool opens. */
export type Report = (level: "info" | "warn" | "error", message: string) => void;

/** Called before each durable step, in words; fault tests stop here. */
export type OnStep = (step: string) => Promise<void> | void;

/** Implemented for each backing. No method is called before `observe`; `claim` and `attach` may be repeated. */
export interface Backing {
  readonly kind: BackingKind;
  /** One for each configured member, the metadata device first. Writes nothing. Throws PoolSetupError. */
  observe(runner: Runner): Promise<readonly Observation[]>;
  /** Where a new pool would lie. Throws PoolSetupError where there is not enough room. */
  layout(): Promise<Extents>;
  /** Takes the member for the pool: afterwards it has its size and this first label. Durable. */
  claim(runner: Runner, label: Label): Promise<void>;
  /** Where the label area of each member begins; at its first byte unless given. */
  readonly labelsFrom?: bigint;
  /** The node of a labelled member. */
  attach(runner: Runner, member: Member): Promise<BlockDevice>;
  /** How the pool grows from `label` towards what is asked for; looks at the devices as they are now. Writes nothing. */
  growth(label: Label, wish: Wish): Promise<Growth>;
  /** Makes an attached member long enough for what this label, not written yet, says; durable; may be repeated. Answers its node as it is then. */
  extend(runner: Runner, member: Member, label: Label): Promise<BlockDevice>;
  /** Gives up what `attach` took; taken by nobody: done. */
  detach(runner: Runner, member: Member): Promise<void>;
  /** Backing `devices`: a disk of the pool, as configured. */
  readonly pathOf?: (member: Member) => string;
  /** Backing `devices`: a disk, and the partition table it gets by a label that need not be written yet. */
  readonly diskOf?: (member: Member, label: Label) => DiskOutlook;
  /** Disks that are selected: each disk of the machine, and why it was taken or not. As of `observe`, also where that threw. */
  readonly verdicts?: () => readonly DiskVerdict[] | undefined;
  /** Where the data grows into space shared with others: what is free there and what the data has already. */
  readonly hostBytes?: () => Promise<Bytes>;
}

export interface DiskOutlook {
  /** As configured, with its place there. */
  readonly title: string;
  readonly size: Bytes;
  readonly partitions: readonly Partition[];
  /** The disk has that table. */
  readonly isPartitioned: boolean;
}

export type Segments = Readonly<Record<ExtentRole, readonly LinearSegment[]>>;

export interface PreparedBacking {
  /** Of the pool found, or of the one that will be made. */
  readonly uuid: PoolUuid;
  /** The pool is not complete: its contents are (again) to be made. */
  readonly fresh: boolean;
  /** Takes or opens the devices. `runner`: holding the lock of the pool's uuid. */
  materialize(runner: Runner): Promise<BackingDevices>;
}

export interface BackingDevices {
  readonly uuid: PoolUuid;
  readonly fresh: boolean;
  readonly blockSize: Bytes;
  /** As the labels say. */
  readonly extents: Extents;
  readonly segments: Segments;
  /** Of backing `devices`: those that the labels name, as configured. */
  readonly disks: readonly string[];
  /** What growing towards the wish would change. Writes nothing. */
  growth(wish: Wish): Promise<Growth>;
  /** The devices get long enough for these extents, and stay it. Nothing uses that yet. May be repeated. */
  extend(extents: Extents): Promise<void>;
  /** All labels say these extents from now on, and so does this object. */
  relabel(extents: Extents): Promise<void>;
  /** All labels say this name from now on. Nothing may stand on the devices: what does is named after the pool. */
  rename(name: PoolName): Promise<void>;
  /** The commit point of a pool's creation. Durable; may be repeated. */
  writeReady(): Promise<void>;
  readonly hostBytes?: () => Promise<Bytes>;
  /** Detaches what was attached. */
  detach(): Promise<void>;
}

export interface BackingContext {
  readonly runner: Runner;
  /** False: devices that are no pool are left alone. A creation that was cut off is continued all the same. */
  readonly mayCreate: boolean;
  readonly report: Report;
  readonly onStep: OnStep;
}

/** Looks and decides; the label of a pool that is to be made is made up here. Changes nothing. */
export async function decideBacking(
  options: PoolOptions,
  backing: Backing,
  runner: Runner,
): Promise<Outlook> {
  const observations = await backing.observe(runner);
  const decision = decide({ name: options.name, backing: backing.kind }, observations);
  if (decision.kind === "refuse") {
    const isMissing = observations.some(({ finding }) => finding.kind === "absent");
    return { kind: "refuse", problems: decision.problems, isMissing };
  }
  const label =
    decision.kind === "create" ? firstLabel(options, backing.kind, await backing.layout()) : decision.label;
  return { kind: "go", observations, decision, label, notes: notesOf(options, label, decision) };
}

export type Outlook =
  | {
      readonly kind: "refuse";
      readonly problems: readonly string[];
      /** One of the devices is not there. */
      readonly isMissing: boolean;
    }
  | {
      readonly kind: "go";
      readonly observations: readonly Observation[];
      readonly decision: Exclude<Decision, { kind: "refuse" }>;
      /** The primary one. */
      readonly label: Label;
      readonly notes: readonly string[];
    };

/** Looks and decides. Throws PoolSetupError naming each device, what is wrong, and the cure. */
export async function prepareBacking(
  options: PoolOptions,
  backing: Backing,
  { runner, report, onStep, mayCreate }: BackingContext,
): Promise<PreparedBacking> {
  const outlook = await decideBacking(options, backing, runner);
  if (outlook.kind === "refuse") {
    const problem = `pool ${options.name}: ${outlook.problems.join("; ")}`;
    throw outlook.isMissing ? new DeviceMissingError(problem) : new PoolSetupError(problem);
  }
  const { decision, label, notes } = outlook;
  if (decision.kind === "create" && !mayCreate) {
    throw new DeviceMissingError(
      `pool ${options.name}: no pool is on its devices; bring back those that it is on, or restart the driver to make a new pool`,
    );
  }
  // Perhaps not what a person expects: the disk of the old pool may hang elsewhere, or its directory not be mounted yet.
  if (decision.kind === "create")
    report("info", `pool ${options.name}: none is here; a new one is made, uuid ${label.pool}`);
  for (const note of notes) report("warn", `pool ${options.name}: ${note}`);
  return {
    uuid: label.pool,
    fresh: decision.kind !== "open",
    materialize: (held) => new Members({ backing, label, onStep }, held).materialize(decision),
  };
}

function firstLabel(options: PoolOptions, backing: BackingKind, extents: Extents): Label {
  return {
    pool: newPoolUuid(),
    name: options.name,
    backing,
    member: "metadata",
    index: 0,
    sequence: 1,
    state: "creating",
    blockSize: options.blockSize,
    extents,
  };
}

function newPoolUuid(): PoolUuid {
  const text = randomBytes(16).toString("hex");
  if (!isPoolUuid(text)) throw new RangeError(text);
  return text;
}

/** What a person should know: content given up, and what only counts when a pool is made. */
function notesOf(options: PoolOptions, { blockSize }: Label, decision: Decision): string[] {
  const overwrites: readonly Overwrite[] = "overwrites" in decision ? decision.overwrites : [];
  const notes = overwrites.map(({ path, what }) => `${path} is overwritten as force says; it held ${what}`);
  if (decision.kind !== "create" && options.blockSize !== blockSize) {
    notes.push(
      `blockSize ${formatBytes(options.blockSize)} has no effect: the pool was made with ${formatBytes(blockSize)}`,
    );
  }
  return notes;
}
