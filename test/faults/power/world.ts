/** What a workload has made so far, and what of it is taken by a call under way. */
import type { TestVolume } from "../../support/volume-life.ts";
import type { Limits } from "./settings.ts";
import type { Writer } from "./writer.ts";

interface Item {
  readonly name: string;
  /** Names of the writers whose records it inherited, the oldest first. */
  readonly ancestors: readonly string[];
  /** Calls that only need it to stay as it is. */
  readers: number;
  /** A call that changes or deletes it. */
  changing: boolean;
}

export interface Volume extends Item {
  readonly kind: "volume";
  test: TestVolume;
  /** Staged, published, and written to. */
  writer: Writer | undefined;
  /** Records that its writer made durable so far. */
  written: number;
  growths: number;
  /** One of the two that are written to in turns, all the time. */
  readonly paired: boolean;
}

export interface Snapshot extends Item {
  readonly kind: "snapshot";
  readonly id: string;
  readonly content: TestVolume["content"];
  readonly size: bigint;
}

export interface Group {
  readonly name: string;
  readonly id: string;
  readonly members: readonly Snapshot[];
}

export class World {
  readonly volumes = new Map<string, Volume>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly groups = new Map<string, Group>();
  readonly #limits: Limits;
  #names = 0;
  /** Being made, not in the maps yet. */
  readonly pending = { volumes: 0, used: 0, snapshots: 0 };

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How many more may be made. */
  room(): Limits {
    const used = [...this.volumes.values()].filter(({ writer }) => writer !== undefined).length;
    const { pending } = this;
    return {
      volumes: this.#limits.volumes - this.volumes.size - pending.volumes,
      used: this.#limits.used - used - pending.used,
      snapshots: this.#limits.snapshots - this.snapshots.size - pending.snapshots,
    };
  }

  /** A name that was not given before. */
  name(letter: string): string {
    this.#names += 1;
    return `${letter}${this.#names}`;
  }

  isMember(snapshot: Snapshot): boolean {
    return [...this.groups.values()].some(({ members }) => members.includes(snapshot));
  }

  free(kind: "change" | "read"): { readonly volumes: Volume[]; readonly snapshots: Snapshot[] } {
    const isFree = (item: Item): boolean => !item.changing && (kind === "read" || item.readers === 0);
    return {
      volumes: [...this.volumes.values()].filter(isFree),
      snapshots: [...this.snapshots.values()].filter(isFree),
    };
  }
}

/** Nobody else changes or deletes the items during the work. */
export async function reading<T>(items: readonly Item[], work: () => Promise<T>): Promise<T> {
  for (const item of items) item.readers += 1;
  try {
    return await work();
  } finally {
    for (const item of items) item.readers -= 1;
  }
}

/** Nobody else does anything with the items during the work. */
export async function changing<T>(items: readonly Item[], work: () => Promise<T>): Promise<T> {
  for (const item of items) item.changing = true;
  try {
    return await work();
  } finally {
    for (const item of items) item.changing = false;
  }
}
