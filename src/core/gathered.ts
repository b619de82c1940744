/**
 * Names asked of somebody who can be asked for several at once. One question is under way; who comes meanwhile is gathered
 * into the next. So many askers cost few questions, and nobody is told what was found out before he asked.
 */
export interface Question {
  /** Each once. */
  readonly names: readonly string[];
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Of the asker who waits longest; milliseconds since 1970. */
  readonly deadline: number;
}

export interface Asked<Answer> {
  /** Rejects as the question did that the name was in. */
  readonly answer: Promise<Answer>;
  /** Resolves with `answer` unless there is one. Those who share the question wait on. */
  leave(answer: Answer): void;
}

export interface GatheredOptions<Answer> {
  /** Of names in one question. */
  readonly most: number;
  /** Must settle soon after its signal is aborted: until then nothing more is asked. */
  readonly ask: (question: Question) => Promise<(name: string) => Answer>;
}

export class Gathered<Answer> {
  readonly #options: GatheredOptions<Answer>;
  readonly #next = new Set<Asker<Answer>>();
  #underWay = false;

  constructor(options: GatheredOptions<Answer>) {
    this.#options = options;
  }

  /** `deadline`: until when an answer is of use; milliseconds since 1970. It ends nothing by itself: see `leave`. */
  ask(name: string, deadline: number): Asked<Answer> {
    const asker = new Asker<Answer>(name, deadline, this.#next);
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
    const asking = new Set(this.#next.values().take(this.#options.most));
    const nobody = new AbortController();
    for (const asker of asking) {
      this.#next.delete(asker);
      asker.among(asking, nobody);
    }
    const askers = [...asking];
    try {
      const answerTo = await this.#options.ask({
        names: [...new Set(askers.map(({ name }) => name))],
        signal: nobody.signal,
        deadline: Math.max(...askers.map(({ deadline }) => deadline)),
      });
      for (const asker of asking) asker.resolve(answerTo(asker.name));
    } catch (error) {
      for (const asker of asking) asker.reject(error);
    }
  }
}

class Asker<Answer> implements Asked<Answer> {
  readonly name: string;
  readonly deadline: number;
  readonly #result = Promise.withResolvers<Answer>();
  #among: Set<Asker<Answer>>;
  #last: AbortController | undefined;

  constructor(name: string, deadline: number, waiting: Set<Asker<Answer>>) {
    this.name = name;
    this.deadline = deadline;
    this.#among = waiting;
  }

  /** Is being asked now; `last` is aborted by the last who leaves. */
  among(asking: Set<Asker<Answer>>, last: AbortController): void {
    this.#among = asking;
    this.#last = last;
  }

  get answer(): Promise<Answer> {
    return this.#result.promise;
  }

  leave(answer: Answer): void {
    this.#result.resolve(answer);
    this.#among.delete(this);
    if (this.#among.size === 0) this.#last?.abort();
  }

  resolve(answer: Answer): void {
    this.#result.resolve(answer);
  }

  reject(error: unknown): void {
    this.#result.reject(error);
  }
}
