/**
 * What a pool stands on. A backing knows its devices (files, partitions); everything that all backings share is here:
 * look first, decide, and only then touch. `prepareBacking` writes nothing; `materialize` does.
 */
import { randomBytes } from "node:crypto";
import type { BlockDevice, LinearSegment } from "../core/dm.ts";
import { PoolSetupError } from "../core/errors.ts";
import { isPoolUuid } from "../core/ids.ts";
import type { PoolUuid } from "../core/ids.ts";
import type { BackingKind, PoolOptions } from "../core/pool-options.ts";
import { formatBytes, sectorsFromBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import { decide } from "./decision.ts";
import type { Decision, Observation, Overwrite } from "./decision.ts";
import type { Label } from "./label.ts";
import { membersOf } from "./layout.ts";
import type { ExtentRole, Extents, MemberRole } from "./layout.ts";
import { writeLabels } from "./relabel.ts";
import type { LabelHands } from "./relabel.ts";

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
  /** The node of a labelled member. */
  attach(runner: Runner, role: MemberRole): Promise<BlockDevice>;
  /** Gives up what `attach` took; taken by nobody: done. */
  detach(runner: Runner, role: MemberRole): Promise<void>;
  /** Where the data grows into space shared with others: what is free there and what the data has already. */
  readonly hostBytes?: () => Promise<Bytes>;
}

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
  readonly segments: Readonly<Record<ExtentRole, readonly LinearSegment[]>>;
  /** The commit point of a pool's creation. Durable; may be repeated. */
  writeReady(): Promise<void>;
  readonly hostBytes?: () => Promise<Bytes>;
  /** Detaches what was attached. */
  detach(): Promise<void>;
}

export interface BackingContext {
  readonly runner: Runner;
  readonly report: Report;
  readonly onStep: OnStep;
}

/** Looks and decides. Throws PoolSetupError naming each device, what is wrong, and the cure. */
export async function prepareBacking(
  options: PoolOptions,
  backing: Backing,
  { runner, report, onStep }: BackingContext,
): Promise<PreparedBacking> {
  const decision = decide({ name: options.name, backing: backing.kind }, await backing.observe(runner));
  if (decision.kind === "refuse") {
    throw new PoolSetupError(`pool ${options.name}: ${decision.problems.join("; ")}`);
  }
  const label =
    decision.kind === "create" ? firstLabel(options, backing.kind, await backing.layout()) : decision.label;
  // Perhaps not what a person expects: the disk of the old pool may hang elsewhere, or its directory not be mounted yet.
  if (decision.kind === "create")
    report("info", `pool ${options.name}: none is here; a new one is made, uuid ${label.pool}`);
  for (const note of notesOf(options, label, decision)) report("warn", `pool ${options.name}: ${note}`);
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

/** What a person should know: content given up, and settings that only count when a pool is made. */
function notesOf(options: PoolOptions, { blockSize, extents }: Label, decision: Decision): string[] {
  const overwrites: readonly Overwrite[] = "overwrites" in decision ? decision.overwrites : [];
  const notes = overwrites.map(({ path, what }) => `${path} is overwritten as force says; it held ${what}`);
  if (decision.kind === "create") return notes;
  const fixed: readonly (readonly [key: string, wanted: Bytes | undefined, actual: Bytes])[] = [
    ["blockSize", options.blockSize, blockSize],
    ["metadataSize", options.metadataSize, extents.meta.length],
    ["dataSize", options.backing === "loop" ? options.dataSize : undefined, extents.data.length],
  ];
  for (const [key, wanted, actual] of fixed) {
    // A data size is rounded down to blocks when the pool is made.
    if (
      wanted === undefined ||
      wanted === actual ||
      (key === "dataSize" && wanted - (wanted % blockSize) === actual)
    )
      continue;
    notes.push(`${key} ${formatBytes(wanted)} has no effect: the pool was made with ${formatBytes(actual)}`);
  }
  return notes;
}

interface MembersOptions {
  readonly backing: Backing;
  /** The primary one. */
  readonly label: Label;
  readonly onStep: OnStep;
}

class Members {
  readonly #backing: Backing;
  readonly #label: Label;
  readonly #roles: readonly MemberRole[];
  readonly #onStep: OnStep;
  readonly #runner: Runner;
  readonly #nodes = new Map<MemberRole, BlockDevice>();

  constructor({ backing, label, onStep }: MembersOptions, runner: Runner) {
    this.#backing = backing;
    this.#label = label;
    this.#roles = membersOf(label.extents);
    this.#onStep = onStep;
    this.#runner = runner;
  }

  async materialize(decision: Decision): Promise<BackingDevices> {
    if (decision.kind === "create" || decision.kind === "resume") {
      // The primary first: a labelled device without it is then never a crash, always a lost device.
      for (const member of this.#roles) {
        await this.#onStep(`claim ${member}`);
        await this.#backing.claim(this.#runner, { ...this.#label, member });
      }
    }
    for (const role of this.#roles) {
      await this.#onStep(`attach ${role}`);
      this.#nodes.set(role, await this.#backing.attach(this.#runner, role));
    }
    if (decision.kind === "open") await writeLabels(this.#label, decision.behind, this.#hands);
    return this.#devices(decision.kind !== "open");
  }

  #devices(fresh: boolean): BackingDevices {
    const backing = this.#backing;
    const { pool, blockSize, extents, sequence } = this.#label;
    return {
      uuid: pool,
      fresh,
      blockSize,
      segments: {
        catalog: this.#segments(extents, "catalog"),
        meta: this.#segments(extents, "meta"),
        spare: this.#segments(extents, "spare"),
        data: this.#segments(extents, "data"),
      },
      writeReady: () =>
        writeLabels({ ...this.#label, state: "ready", sequence: sequence + 1 }, this.#roles, this.#hands),
      detach: async () => {
        for (const role of this.#roles.toReversed()) await backing.detach(this.#runner, role);
      },
      ...(backing.hostBytes === undefined ? {} : { hostBytes: backing.hostBytes }),
    };
  }

  #segments(extents: Extents, role: ExtentRole): readonly LinearSegment[] {
    const { member, offset, length } = extents[role];
    return [
      {
        device: this.#node(member).number,
        offset: sectorsFromBytes(offset),
        length: sectorsFromBytes(length),
      },
    ];
  }

  get #hands(): LabelHands {
    return { pathOf: (role) => this.#node(role).path, onStep: this.#onStep };
  }

  #node(role: MemberRole): BlockDevice {
    const node = this.#nodes.get(role);
    if (node === undefined) throw new RangeError(`member ${role} is not attached`);
    return node;
  }
}
