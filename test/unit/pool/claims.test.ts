import { setImmediate as settle } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { OperationPendingError } from "../../../src/core/errors.ts";
import type { PoolUuid } from "../../../src/core/ids.ts";
import type { Runner } from "../../../src/host/run.ts";
import { PoolClaims } from "../../../src/pool/claims.ts";

const [FAST, SLOW] = ["a".repeat(32), "b".repeat(32)] as [PoolUuid, PoolUuid];
const RUNNER: Runner = {
  started: 0,
  holding: () => RUNNER,
  run: () => Promise.reject(new Error("no tools here")),
};

describe("who may take down a pool's devices", () => {
  test("an engine waits for removals under way, and keeps later ones out until it is through", async () => {
    const claims = new PoolClaims();
    const removal = Promise.withResolvers<void>();
    const removed = claims.remove(FAST, "removal", () => removal.promise);
    let excluded = false;
    const exclusion = claims.exclude(FAST).then((admit) => {
      excluded = true;
      return admit;
    });
    await settle();
    expect(excluded).toBe(false);
    await expect(claims.remove(FAST, "another", async () => {})).rejects.toThrow(OperationPendingError);
    removal.resolve();
    await removed;
    const admit = await exclusion;
    await expect(claims.remove(FAST, "another", async () => {})).rejects.toThrow(
      /another: its pool is being/,
    );
    admit();
    await claims.remove(FAST, "another", async () => {});
  });

  test("a removal that fails is over", async () => {
    const claims = new PoolClaims();
    const removed = claims.remove(FAST, "removal", () => Promise.reject(new Error("still open")));
    await expect(removed).rejects.toThrow("still open");
    await claims.exclude(FAST);
  });

  test("two engines that exclude do not let each other's removals in", async () => {
    const claims = new PoolClaims();
    const [first, second] = [await claims.exclude(FAST), await claims.exclude(FAST)];
    second();
    second();
    await expect(claims.remove(FAST, "removal", async () => {})).rejects.toThrow(OperationPendingError);
    first();
    await claims.remove(FAST, "removal", async () => {});
  });

  test("pools do not wait for each other", async () => {
    const claims = new PoolClaims();
    await claims.exclude(FAST);
    let removed = false;
    await claims.remove(SLOW, "removal", async () => {
      removed = true;
    });
    expect(removed).toBe(true);
  });

  test("a removal is told whether this process holds the pool's lock", async () => {
    const claims = new PoolClaims();
    const holders: (Runner | undefined)[] = [];
    const look = () => claims.remove(FAST, "removal", async (holder) => void holders.push(holder));
    await look();
    const letGo = claims.hold(FAST, RUNNER);
    await look();
    letGo();
    await look();
    expect(holders).toEqual([undefined, RUNNER, undefined]);
  });
});
