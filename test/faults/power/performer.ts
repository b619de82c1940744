/** Calls with their events in the journal. */
import type { CsiClient } from "../../support/csi-client.ts";
import { retried } from "../../support/retried.ts";
import type { VolumeLife } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";
import type { Answer, Operation } from "./events.ts";
import type { Journal } from "./journal.ts";
import type { WriterTools } from "./writer.ts";

export interface PerformerTools extends WriterTools {
  readonly csi: CsiClient;
  readonly life: VolumeLife;
}

export class Performer {
  readonly csi: CsiClient;
  readonly life: VolumeLife;
  readonly random: Random;
  readonly #journal: Journal;
  readonly #writerTools: WriterTools;
  #operations = 0;

  constructor({ csi, life, ...writerTools }: PerformerTools) {
    this.csi = csi;
    this.life = life;
    this.random = writerTools.random;
    this.#journal = writerTools.journal;
    this.#writerTools = writerTools;
  }

  get writerTools(): WriterTools {
    return this.#writerTools;
  }

  /** True where it was answered well. */
  async done(what: Operation, call: () => Promise<unknown>): Promise<boolean> {
    const made = await this.perform(
      what,
      async () => {
        await call();
        return true;
      },
      () => ({}),
    );
    return made ?? false;
  }

  /** Undefined where it was refused; that is in the journal then. */
  async perform<T>(
    what: Operation,
    call: () => Promise<T>,
    answerOf: (made: T) => Answer,
  ): Promise<T | undefined> {
    this.#operations += 1;
    const op = this.#operations;
    this.#journal.write({ e: "begin", op, what });
    try {
      const made = await retried(call);
      this.#journal.write({ e: "end", op, answer: answerOf(made) });
      return made;
    } catch (error) {
      this.#journal.write({ e: "failed", op, why: String(error).slice(0, 400) });
      return undefined;
    }
  }
}
