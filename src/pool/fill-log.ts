/** Says in the log how a pool fills, once for each level on the way up, and when it is over. */
import type { Fill, Level, Use } from "../plan/fill.ts";
import { formatBytes } from "../core/units.ts";
import type { Report } from "./backing.ts";

type Kind = keyof Fill;

/** What a person should do, and what happens otherwise. */
const ADVICE: Readonly<Record<Kind, Readonly<Record<"filling" | "full", string>>>> = {
  data: {
    filling: "grow the pool, or delete volumes or snapshots",
    full: "nothing new is promised and writes that need new blocks fail, or wait where the pool is told to queue; grow the pool, or delete volumes or snapshots",
  },
  metadata: {
    filling: "set metadataSize higher, or delete snapshots",
    full: "the kernel takes no changes any more; set metadataSize higher and restart the driver",
  },
};

export class FillLog {
  readonly #pool: string;
  readonly #report: Report;
  readonly #told: Record<Kind, Level> = { data: 0, metadata: 0 };

  constructor(pool: string, report: Report) {
    this.#pool = pool;
    this.#report = report;
  }

  note(fill: Fill): void {
    this.#note("data", fill.data);
    this.#note("metadata", fill.metadata);
  }

  #note(kind: Kind, { used, total, level, calm }: Use): void {
    const told = this.#told[kind];
    const amount = `${formatBytes(used)} of ${formatBytes(total)}`;
    const name = `pool ${this.#pool}: its ${kind}`;
    if (level > told) {
      this.#told[kind] = level;
      if (level === 100) this.#report("error", `${name} is full (${amount}): ${ADVICE[kind].full}`);
      else this.#report("warn", `${name} is ${level} % full (${amount}): ${ADVICE[kind].filling}`);
    } else if (told === 100 && level < 100) {
      this.#told[kind] = level;
      this.#report("info", `${name} has room again (${amount} used)`);
    } else if (told > 0 && calm) {
      this.#told[kind] = 0;
      this.#report("info", `${name} is no longer nearly full (${amount} used)`);
    }
  }
}
