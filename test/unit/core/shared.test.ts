import { setImmediate } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { shared, sharedFresh } from "../../../src/core/shared.ts";

/** Work that ends when it is told to; answers the number of its turn. */
function turns() {
  const begun: PromiseWithResolvers<void>[] = [];
  const work = async (): Promise<number> => {
    const turn = Promise.withResolvers<void>();
    const number = begun.push(turn);
    await turn.promise;
    return number;
  };
  return { begun, work };
}

const aMoment = (): Promise<unknown> => setImmediate(undefined);

test("shared work is given to all who ask while it is under way", async () => {
  const { begun, work } = turns();
  const ask = shared(work);
  const [one, two] = [ask(), ask()];
  await aMoment();
  begun[0]?.resolve();
  expect(await Promise.all([one, two])).toEqual([1, 1]);
});

describe("work that is shared and fresh", () => {
  test("is one for all who ask before it begins", async () => {
    const { begun, work } = turns();
    const ask = sharedFresh(work);
    const asked = [ask(), ask(), ask()];
    await aMoment();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  });

  test("is done again for who asks while it is under way, once for all of them, when it has ended", async () => {
    const { begun, work } = turns();
    const ask = sharedFresh(work);
    const first = ask();
    await aMoment();
    const later = [ask(), ask()];
    await aMoment();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    expect(await first).toBe(1);
    await aMoment();
    expect(begun).toHaveLength(2);
    begun[1]?.resolve();
    expect(await Promise.all(later)).toEqual([2, 2]);
  });

  test("that failed fails for those who shared it, and not for the next", async () => {
    let fails = true;
    const ask = sharedFresh(async () => {
      await aMoment();
      if (fails) throw new Error("not now");
      return "answered";
    });
    const [one, two] = [ask(), ask()];
    await expect(one).rejects.toThrow("not now");
    await expect(two).rejects.toThrow("not now");
    fails = false;
    expect(await ask()).toBe("answered");
  });
});
