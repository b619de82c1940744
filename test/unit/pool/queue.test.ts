import { setImmediate as settle } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { PoolUnavailableError } from "../../../src/core/errors.ts";
import { MessageQueue } from "../../../src/pool/queue.ts";

describe("the message queue of a pool", () => {
  test("runs one at a time, in order of arrival, also after a failure", async () => {
    const queue = new MessageQueue("fast", 1000);
    const order: string[] = [];
    const work = (name: string, fails = false) =>
      queue.run(name, async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
      });
    const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
    expect(results.map((each) => each.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  test("a turn that does not come in time is given up, never begun, and named", async () => {
    const queue = new MessageQueue("fast", 20);
    const stuck = Promise.withResolvers<undefined>();
    const first = queue.run("create_thin 7", () => stuck.promise);
    let begun = false;
    const second = queue.run("delete 3", async () => {
      begun = true;
    });
    await expect(second).rejects.toThrow(PoolUnavailableError);
    await expect(second).rejects.toThrow(/pool fast: delete 3 waited 20 ms behind create_thin 7/);
    stuck.resolve(undefined);
    await first;
    expect(await queue.run("after", async () => "ran")).toBe("ran");
    expect(begun).toBe(false);
  });

  test("a closed one lets the turn that has begun end, and begins no other", async () => {
    const queue = new MessageQueue("fast", 1000);
    const stuck = Promise.withResolvers<string>();
    let begun = false;
    const begin = async (): Promise<void> => {
      begun = true;
    };
    const first = queue.run("create_thin 7", () => stuck.promise);
    const second = queue.run("delete 3", begin);
    await settle();
    queue.close("its catalog failed");
    await expect(second).rejects.toThrow(/pool fast is given up: its catalog failed/);
    await expect(queue.run("delete 4", begin)).rejects.toThrow(PoolUnavailableError);
    stuck.resolve("made");
    expect(await first).toBe("made");
    await expect(queue.run("delete 5", begin)).rejects.toThrow(PoolUnavailableError);
    expect(begun).toBe(false);
  });

  test("a turn that comes in the moment of the closing is not begun either", async () => {
    const queue = new MessageQueue("fast", 1000);
    let begun = false;
    const turn = queue.run("delete 3", async () => {
      begun = true;
    });
    queue.close("its catalog failed");
    await expect(turn).rejects.toThrow(PoolUnavailableError);
    expect(begun).toBe(false);
  });
});
