import { describe, expect, test } from "vitest";

import { NoRoomError, OutcomeUnknownError } from "../../../src/core/errors.ts";
import type { PoolRecord } from "../../../src/core/records.ts";
import type { Plan, Step } from "../../../src/plan/step.ts";
import { Fence } from "../../../src/pool/fence.ts";
import { poolRecord } from "../../support/records.ts";

/** A catalog and a kernel in miniature; `fails` makes the next set-transaction-id fail. */
function bench(start: Partial<PoolRecord> = {}) {
  let record = poolRecord({ transactionId: 7n, thinIdLimit: 1, ...start });
  let kernel = record.transactionId;
  const world = { fails: 0, steps: new Array<Step["kind"]>() };
  const fence = new Fence({
    record: () => record,
    perform: async (plan: Plan) => {
      for (const step of plan) {
        world.steps.push(step.kind);
        if (step.kind === "record") {
          for (const change of step.changes) if (change.kind === "put-pool") record = change.record;
        }
        if (step.kind === "set-transaction-id") {
          if (world.fails-- > 0) throw new OutcomeUnknownError("stuck");
          expect(step.from).toBe(kernel);
          kernel = step.to;
        }
      }
    },
  });
  return { fence, world, ids: () => [record.transactionId, kernel, record.thinIdLimit] };
}

describe("the fence", () => {
  test("hands out ids in order, reserved durably before the first is used", async () => {
    const { fence, world, ids } = bench();
    expect(await Promise.all([fence.takeIds(2), fence.takeIds(1)])).toEqual([[1, 2], [3]]);
    expect(world.steps).toEqual(["record", "set-transaction-id"]);
    expect(ids()).toEqual([8n, 8n, 65]);
  });

  test("reserves again when a block is used up, also for more than a block at once", async () => {
    const { fence, ids } = bench();
    const many = await fence.takeIds(200);
    expect(new Set(many).size).toBe(200);
    expect(await fence.takeIds(1)).toEqual([201]);
    expect(ids()[0]).toBe(9n);
  });

  test("never hands out an id twice, whatever was lost at a restart", async () => {
    const { fence } = bench({ thinIdLimit: 65 });
    expect(await fence.takeIds(1)).toEqual([65]);
  });

  test("makes a half-done bump good before the next", async () => {
    const { fence, world, ids } = bench();
    world.fails = 1;
    await expect(fence.bump()).rejects.toThrow(OutcomeUnknownError);
    expect(ids()).toEqual([8n, 7n, 1]);
    await fence.bump();
    expect(ids()).toEqual([9n, 9n, 1]);
  });

  test("says so when all 16.7 million ids are spent", async () => {
    const { fence } = bench({ thinIdLimit: 0xff_ff_f0 });
    await expect(fence.takeIds(1)).rejects.toThrow(NoRoomError);
  });
});
