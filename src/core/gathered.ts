/**
 * Names asked of somebody who can be asked for several at once. While a question is under way, who comes is gathered into the
 * next. So many askers cost few questions, and nobody is told what was found out before he asked. One that is slow is waited
 * for only so long. A controller has one of these a node, so an asker is kept small: no promise, no timer of his own.
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
  /** The most that anybody waits for a question that was under way when he came; milliseconds. */
  readonly pauseMs: number;
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
  /** The newest question, while it is under way. */
  #latest: object | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(options: GatheredOptions<Answer>) {
    this.#options = options;
  }

  ask(name: string, waiter: Waiter<Answer>): Asked<Answer> {
    const asker = new Asker<Answer>(name, waiter, this.#next);
    this.#next.add(asker);
    this.#goOn();
    return asker;
  }

  #goOn(): void {
    if (this.#next.size === 0) return;
    if (this.#latest === undefined) void this.#askOnce();
    else this.#pause ??= setTimeout(() => void this.#askOnce(), this.#options.pauseMs).unref();
  }

  /** Rejects never. */
  async #askOnce(): Promise<void> {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#next.size === 0) return;
    const { most, ask, failed } = this.#options;
    const latest = (this.#latest = {});
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
    // Those that are more than may be in it.
    this.#goOn();
    try {
      const answerTo = await ask({ names: [...names], signal: nobody.signal, deadline });
      for (const asker of asking) asker.tell(answerTo(asker.name));
    } catch (error) {
      for (const asker of asking) asker.tell(failed(error));
    }
    if (this.#latest !== latest) return;
    this.#latest = undefined;
    this.#goOn();
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
