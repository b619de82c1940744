import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Gathered, type Question } from "../../../src/core/gathered.ts";

interface Turn extends Question {
  /** All names get this, with their name. */
  answer(text: string): void;
  fail(error: Error): void;
}

const PAUSE_MS = 250;

/** Somebody who is asked for at most `most` names at once, and answers when he is told to. Ends a question that is aborted. */
function gathering(most = 100) {
  const turns: Turn[] = [];
  const gathered = new Gathered<string>({
    most,
    pauseMs: PAUSE_MS,
    ask: (question) => {
      const { promise, resolve, reject } = Promise.withResolvers<(name: string) => string>();
      question.signal.addEventListener("abort", () => reject(new Error("aborted")));
      turns.push({
        ...question,
        answer: (text) => resolve((name) => `${name} ${text}`),
        fail: (error) => reject(error),
      });
      return promise;
    },
    failed: (error) => `failed: ${String(error)}`,
  });
  return { gathered: answersOf(gathered), turns };
}

/** As promises. An answer that is told twice is an error. */
const answersOf = (gathered: Gathered<string>) => ({
  ask: (name: string, deadline: number) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let count = 0;
    const told = (answer: string): void => {
      count += 1;
      expect(count).toBe(1);
      resolve(answer);
    };
    const asked = gathered.ask(name, { deadline, told });
    return { answer: promise, leave: (answer: string) => asked.leave(answer) };
  },
});

const aMoment = (): Promise<unknown> => setImmediate(undefined);
const namesOf = (turns: readonly Turn[]) => turns.map(({ names }) => names);

describe("names that are gathered", () => {
  test("are asked at once where nothing is under way", async () => {
    const { gathered, turns } = gathering();
    const asked = gathered.ask("a", 1);
    expect(namesOf(turns)).toEqual([["a"]]);
    turns[0]?.answer("is free");
    expect(await asked.answer).toBe("a is free");
    const again = gathered.ask("a", 1);
    await aMoment();
    expect(namesOf(turns)).toEqual([["a"], ["a"]]);
    turns[1]?.answer("is taken");
    expect(await again.answer).toBe("a is taken");
  });

  test("are one question for all who come while another is under way, each with its own answer", async () => {
    const { gathered, turns } = gathering();
    const all = ["a", "b", "c", "b"].map((name) => gathered.ask(name, 1));
    await aMoment();
    expect(namesOf(turns)).toEqual([["a"]]);
    turns[0]?.answer("then");
    await aMoment();
    expect(namesOf(turns)).toEqual([["a"], ["b", "c"]]);
    turns[1]?.answer("now");
    expect(await Promise.all(all.map(({ answer }) => answer))).toEqual(["a then", "b now", "c now", "b now"]);
  });

  test("are asked again though the same name is under way: its answer may be of before", async () => {
    const { gathered, turns } = gathering();
    const [first, second] = [gathered.ask("a", 1), gathered.ask("a", 1)];
    turns[0]?.answer("is free");
    expect(await first.answer).toBe("a is free");
    await aMoment();
    turns[1]?.answer("is taken");
    expect(await second.answer).toBe("a is taken");
  });

  test("are no more in one question than may be, and all in turn", async () => {
    const { gathered, turns } = gathering(2);
    const all = ["a", "b", "c", "d"].map((name) => gathered.ask(name, 1));
    for (let turn = 0; turn < 3; turn += 1) {
      await aMoment();
      expect(turns).toHaveLength(turn + 1);
      turns[turn]?.answer(`in ${turn}`);
    }
    expect(await Promise.all(all.map(({ answer }) => answer))).toEqual([
      "a in 0",
      "b in 1",
      "c in 1",
      "d in 2",
    ]);
    expect(namesOf(turns)).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  test("fail with the question that they were in, and with no other", async () => {
    const { gathered, turns } = gathering();
    const [first, second, third] = ["a", "b", "c"].map((name) => gathered.ask(name, 1));
    turns[0]?.answer("is free");
    expect(await first?.answer).toBe("a is free");
    await aMoment();
    const late = gathered.ask("d", 1);
    turns[1]?.fail(new Error("cut"));
    expect([await second?.answer, await third?.answer]).toEqual(["failed: Error: cut", "failed: Error: cut"]);
    await aMoment();
    turns[2]?.answer("is free");
    expect(await late.answer).toBe("d is free");
  });

  test("fail where the question cannot be put at all, and the next is put", async () => {
    let broken = true;
    const gathered = answersOf(
      new Gathered<string>({
        most: 2,
        pauseMs: PAUSE_MS,
        ask: ({ names }) => {
          if (broken) throw new Error("no line");
          return Promise.resolve((name) => `${name} of ${names.length}`);
        },
        failed: (error) => `failed: ${String(error)}`,
      }),
    );
    expect(await gathered.ask("a", 1).answer).toBe("failed: Error: no line");
    broken = false;
    expect(await gathered.ask("b", 1).answer).toBe("b of 1");
  });

  test("are waited for until the latest deadline of those who share the question", async () => {
    const { gathered, turns } = gathering();
    gathered.ask("a", 5);
    for (const [name, deadline] of [["b", 10] as const, ["c", 30] as const, ["d", 20] as const])
      gathered.ask(name, deadline);
    turns[0]?.answer("is free");
    await aMoment();
    expect(turns.map(({ deadline }) => deadline)).toEqual([5, 30]);
  });
});

describe("a question that is slow", () => {
  afterEach(() => vi.useRealTimers());
  const slow = () => {
    vi.useFakeTimers();
    return gathering();
  };
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  test("holds up the next only for a pause, counted from the first who waits", async () => {
    const { gathered, turns } = slow();
    const first = gathered.ask("a", 1);
    await pass(1000);
    const second = gathered.ask("b", 1);
    await pass(PAUSE_MS - 1);
    const third = gathered.ask("c", 1);
    expect(namesOf(turns)).toEqual([["a"]]);
    await pass(1);
    expect(namesOf(turns)).toEqual([["a"], ["b", "c"]]);
    turns[1]?.answer("now");
    turns[0]?.answer("at last");
    expect(await Promise.all([first, second, third].map(({ answer }) => answer))).toEqual([
      "a at last",
      "b now",
      "c now",
    ]);
  });

  test("holds up nobody when a newer one has been answered", async () => {
    const { gathered, turns } = slow();
    gathered.ask("a", 1);
    gathered.ask("b", 1);
    await pass(PAUSE_MS);
    turns[1]?.answer("now");
    await pass(0);
    gathered.ask("c", 1);
    expect(namesOf(turns)).toEqual([["a"], ["b"], ["c"]]);
  });

  test("that is answered holds up nobody behind a newer one more than that does", async () => {
    const { gathered, turns } = slow();
    gathered.ask("a", 1);
    gathered.ask("b", 1);
    await pass(PAUSE_MS);
    gathered.ask("c", 1);
    turns[0]?.answer("at last");
    await pass(PAUSE_MS - 1);
    expect(namesOf(turns)).toEqual([["a"], ["b"]]);
    await pass(1);
    expect(namesOf(turns)).toEqual([["a"], ["b"], ["c"]]);
  });

  test("is followed by none where nobody waits any more", async () => {
    const { gathered, turns } = slow();
    gathered.ask("a", 1);
    gathered.ask("b", 1).leave("left");
    await pass(2 * PAUSE_MS);
    expect(namesOf(turns)).toEqual([["a"]]);
  });

  test("is followed by the rest of those who are too many for one", async () => {
    vi.useFakeTimers();
    const { gathered, turns } = gathering(2);
    for (const name of ["a", "b", "c", "d"]) gathered.ask(name, 1);
    await pass(2 * PAUSE_MS);
    expect(namesOf(turns)).toEqual([["a"], ["b", "c"], ["d"]]);
  });
});

describe("who leaves", () => {
  test("has the answer that he leaves with, and the others have theirs", async () => {
    const { gathered, turns } = gathering();
    const [first, second, third] = ["a", "b", "c"].map((name) => gathered.ask(name, 1));
    turns[0]?.answer("is free");
    await first?.answer;
    await aMoment();
    second?.leave("left");
    expect(await second?.answer).toBe("left");
    expect(turns[1]?.signal.aborted).toBe(false);
    turns[1]?.answer("is free");
    expect(await third?.answer).toBe("c is free");
    expect(await second?.answer).toBe("left");
  });

  test("ends the question when he is the last, and the next is put", async () => {
    const { gathered, turns } = gathering();
    const [first, second, third, fourth] = ["a", "b", "c", "d"].map((name) => gathered.ask(name, 1));
    turns[0]?.answer("is free");
    await first?.answer;
    await aMoment();
    const late = gathered.ask("e", 1);
    for (const each of [second, third, fourth]) each?.leave("left");
    expect(turns[1]?.signal.aborted).toBe(true);
    await aMoment();
    expect(namesOf(turns).at(-1)).toEqual(["e"]);
    turns[2]?.answer("is free");
    expect(await late.answer).toBe("e is free");
  });

  test("before he was asked for is not asked for", async () => {
    const { gathered, turns } = gathering();
    const [first, second, third] = ["a", "b", "c"].map((name) => gathered.ask(name, 1));
    second?.leave("left");
    turns[0]?.answer("is free");
    await first?.answer;
    await aMoment();
    expect(namesOf(turns)).toEqual([["a"], ["c"]]);
    third?.leave("left");
    await aMoment();
    expect([await second?.answer, await third?.answer]).toEqual(["left", "left"]);
  });

  test("keeps the answer that he has, and ends nobody's question", async () => {
    const { gathered, turns } = gathering();
    const first = gathered.ask("a", 1);
    const second = gathered.ask("b", 1);
    turns[0]?.answer("is free");
    await first.answer;
    await aMoment();
    first.leave("left");
    expect(await first.answer).toBe("a is free");
    expect(turns[1]?.signal.aborted).toBe(false);
    turns[1]?.answer("is free");
    expect(await second.answer).toBe("b is free");
  });
});
