import { createHash } from "node:crypto";

/** Numbers that look random and are the same for the same seed and purpose (mulberry32). */
export class Random {
  #state: number;

  /** `purpose` keeps two uses of one seed apart. */
  constructor(seed: number, purpose: string) {
    this.#state = createHash("sha256").update(`${purpose} ${seed}`).digest().readUInt32LE();
  }

  /** 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` up to and including `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Undefined for an empty list. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.next() * list.length)];
  }

  /** Up to `count` of the list, in its order. */
  sample<T>(list: readonly T[], count: number): readonly T[] {
    let wanted = Math.min(count, list.length);
    return list.filter((_each, index) => {
      const taken = this.chance(wanted / (list.length - index));
      if (taken) wanted -= 1;
      return taken;
    });
  }
}
