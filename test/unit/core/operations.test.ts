import { describe, expect, test } from "vitest";

import { OperationPendingError } from "../../../src/core/errors.ts";
import { Operations, type OperationScope } from "../../../src/core/operations.ts";

const scope = (
  fingerprint: string,
  exclusive: readonly string[],
  shared: readonly string[] = [],
): OperationScope => ({
  title: fingerprint,
  fingerprint,
  exclusive,
  shared,
});

interface Keys {
  readonly exclusive: readonly string[];
  readonly shared: readonly string[];
}

describe("operations", () => {
  test("an equal call joins the one under way and gets its result", async () => {
    const operations = new Operations();
    const gate = Promise.withResolvers<string>();
    let runs = 0;
    const work = async (): Promise<string> => {
      runs += 1;
      return gate.promise;
    };
    const first = operations.run(scope("create a", ["name:a"]), work);
    const second = operations.run(scope("create a", ["name:a"]), work);
    gate.resolve("made");
    expect(await Promise.all([first, second])).toEqual(["made", "made"]);
    expect(runs).toBe(1);
  });

  const only = (key: string): Keys => ({ exclusive: [key], shared: [] });
  const beside = (...shared: readonly string[]): Keys => ({ exclusive: [], shared });

  test.each([
    ["exclusive against exclusive", only("v"), only("v"), false],
    ["exclusive against shared", only("v"), beside("v"), false],
    ["shared against exclusive", beside("v"), only("v"), false],
    ["shared beside shared", { exclusive: ["a"], shared: ["v"] }, { exclusive: ["b"], shared: ["v"] }, true],
    ["different objects", only("v"), only("w"), true],
  ])("%s", async (_title, held, asked, allowed) => {
    const operations = new Operations();
    const gate = Promise.withResolvers<undefined>();
    const first = operations.run(scope("first", held.exclusive, held.shared), () => gate.promise);
    const second = operations.run(scope("second", asked.exclusive, asked.shared), async () => "ran");
    if (allowed) expect(await second).toBe("ran");
    else await expect(second).rejects.toThrow(OperationPendingError);
    gate.resolve(undefined);
    await first;
    expect(
      await operations.run(scope("third", asked.exclusive, asked.shared), async () => "free again"),
    ).toBe("free again");
  });

  test("keys are free again after a failure, and every joined caller sees it", async () => {
    const operations = new Operations();
    const fail = (): Promise<never> =>
      operations.run(scope("x", ["k"]), () => Promise.reject(new Error("broken")));
    const both = await Promise.allSettled([fail(), fail()]);
    expect(both.map((each) => each.status)).toEqual(["rejected", "rejected"]);
    expect(operations.size).toBe(0);
    expect(await operations.run(scope("y", ["k"]), async () => 1)).toBe(1);
  });

  test("keys are free again after work that threw before its first await", async () => {
    const operations = new Operations();
    const refuse = (): Promise<never> =>
      operations.run(scope("x", ["k"], ["s"]), () => {
        throw new Error("refused at once");
      });
    await expect(refuse()).rejects.toThrow("refused at once");
    await expect(refuse()).rejects.toThrow("refused at once");
    expect(await operations.run(scope("y", ["k", "s"]), async () => "free")).toBe("free");
  });

  test("idle waits for what is under way and for what that lets start", async () => {
    const operations = new Operations();
    const order: string[] = [];
    const first = operations.run(scope("first", ["k"]), async () => {
      await Promise.resolve();
      order.push("first");
    });
    const chained = first.then(() =>
      operations.run(scope("second", ["k"]), async () => void order.push("second")),
    );
    await operations.idle();
    order.push("idle");
    await chained;
    expect(order).toEqual(["first", "second", "idle"]);
  });
});
