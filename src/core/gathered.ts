/**
 * Names asked of somebody who can be asked for several at once. One question is under way; who comes meanwhile is gathered
 * into the next. So many askers cost few questions, and nobody is told what was found out before he asked. A controller has
 * one of these a node, so an asker is kept small: no promise.
 */
export interface Question {
  /** Each once. */
  readonly names: readonly string[];
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Of the asker who waits longest; milliseconds since 1970. */
  readonly deadline: number;
}

export interface GatheredOptions<Answer> {
  /** Of names in one question. */
  readonly most: number;
  /** Must settle soon after its signal is aborted: until then nothing more is asked. */
  readonly ask: (question: Question) => Promise<(name: string) => Answer>;
  /** What a question that failed says of each of its names. */
  readonly failed: (error: unknown) => Answer;
}

export interface Waiter<Answer> {
  /** Until when an answer is of use; milliseconds since 1970. It ends nothing by itself: see `leave`. */
  readonly deadline: number;
  /** Called once. Must not throw. */
  readonly told: (answer: Answer) => void;
}

export interface Asked<Answer> {
  /** Is told `answer` unless he was told one. Those who share the question wait on. */
  leave(answer: Answer): void;
}

export class Gathered<Answer> {
  readonly #options: GatheredOptions<Answer>;
  readonly #next = new Set<Asker<Answer>>();
  #underWay = false;

  constructor(options: GatheredOptions<Answer>) {
    this.#options = options;
  }

  ask(name: string, waiter: Waiter<Answer>): Asked<Answer> {
    const asker = new Asker<Answer>(name, waiter, this.#next);
    this.#next.add(asker);
    if (!this.#underWay) void this.#askAll();
    return asker;
  }

  /** Rejects never. */
  async #askAll(): Promise<void> {
    this.#underWay = true;
    while (this.#next.size > 0) await this.#askOnce();
    this.#underWay = false;
  }

  async #askOnce(): Promise<void> {
    const { most, ask, failed } = this.#options;
    const asking = new Set(this.#next.values().take(most));
    const nobody = new AbortController();
    const names = new Set<string>();
    let deadline = 0;
    for (const asker of asking) {
      this.#next.delete(asker);
      asker.isAsked(asking, nobody);
      names.add(asker.name);
      deadline = Math.max(deadline, asker.deadline);
    }
    try {
      const answerTo = await ask({ names: [...names], signal: nobody.signal, deadline });
      for (const asker of asking) asker.tell(answerTo(asker.name));
    } catch (error) {
      for (const asker of asking) asker.tell(failed(error));
    }
  }
}

class Asker<Answer> implements Asked<Answer> {
  readonly name: string;
  readonly deadline: number;
  #told: Waiter<Answer>["told"] | undefined;
  #among: Set<Asker<Answer>>;
  #last: AbortController | undefined;

  constructor(name: string, { deadline, told }: Waiter<Answer>, waiting: Set<Asker<Answer>>) {
    this.name = name;
    this.deadline = deadline;
    this.#told = told;
    this.#among = waiting;
  }

  /** `last` is aborted by the last who leaves. */
  isAsked(asking: Set<Asker<Answer>>, last: AbortController): void {
    this.#among = asking;
    this.#last = last;
  }

  tell(answer: Answer): void {
    const told = this.#told;
    this.#told = undefined;
    told?.(answer);
  }

  leave(answer: Answer): void {
    if (this.#told === undefined) return;
    this.#among.delete(this);
    if (this.#among.size === 0) this.#last?.abort();
    this.tell(answer);
  }
}
