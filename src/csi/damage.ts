/** Volumes that were found damaged when they were to be used: their owners are told of them. */
import { DamagedVolumeError, messageOf } from "../core/errors.ts";
import type { VolumeId } from "../core/ids.ts";

export interface Damaged {
  readonly id: VolumeId;
  readonly name: string;
  readonly reason: string;
}

/** What a node tells of at most: where so many are damaged, it is not the volumes. */
const MOST = 100;

export class DamageNotes {
  readonly #notes = new Map<VolumeId, Damaged>();
  readonly #changed: () => void;

  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
  }

  /** Notes it where `use` rejects with DamagedVolumeError, and forgets it where the volume can be used. */
  async watch(volume: Pick<Damaged, "id" | "name">, use: () => Promise<void>): Promise<void> {
    try {
      await use();
    } catch (error) {
      if (error instanceof DamagedVolumeError) this.#note({ ...volume, reason: messageOf(error) });
      throw error;
    }
    if (this.#notes.delete(volume.id)) this.#changed();
  }

  /** Of those that are there still. */
  list(exists: (id: VolumeId) => boolean): readonly Damaged[] {
    for (const id of this.#notes.keys()) if (!exists(id)) this.#notes.delete(id);
    return [...this.#notes.values()];
  }

  #note(damaged: Damaged): void {
    const known = this.#notes.get(damaged.id);
    if (known?.reason === damaged.reason || (known === undefined && this.#notes.size >= MOST)) return;
    this.#notes.set(damaged.id, damaged);
    this.#changed();
  }
}
