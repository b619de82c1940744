import { describe, expect, test } from "vitest";

import { PoolUnavailableError, ToolError } from "../../../src/core/errors.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";
import { reportPools } from "../../../src/pool/report-pools.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";

const never = (): Promise<never> => Promise.withResolvers<never>().promise;
const stuck = (name: string, digit: string): MemoryPool =>
  Object.assign(new MemoryPool(name, digit), { kernel: never });

describe("the report of all pools", () => {
  test("names them in the order of the configuration, open or not, each asked once", async () => {
    const [one, two] = [new MemoryPool("one", "a"), new MemoryPool("two", "b")];
    const options = ["two", "gone", "one"].map(loopOptions);
    const report = await reportPools(options, memoryPools([one, two], ["gone"]), { withinMs: 1000 });
    expect(report.map(({ kind, name }) => [kind, name])).toEqual([
      ["open", "two"],
      ["absent", "gone"],
      ["open", "one"],
    ]);
    expect(report[1]).toEqual({
      kind: "absent",
      name: "gone",
      backing: { kind: "loop", directory: "/pools/gone" },
      conditions: [],
      reason: "its disk is gone",
    });
    expect([one.looks, two.looks]).toEqual([1, 1]);
  });

  test("says which of them the configuration does not name any more", async () => {
    const options = ["one", "gone", "kept"].map(loopOptions);
    const pools = memoryPools([new MemoryPool("one", "a"), new MemoryPool("kept", "b")], ["gone"]);
    const leftOut = options.flatMap(({ name }) => (name === "one" ? [] : [name]));
    const report = await reportPools(options, pools, { withinMs: 1000, leftOut });
    expect(report.map((pool) => [pool.name, pool.leftOut])).toEqual([
      ["one", undefined],
      ["gone", true],
      ["kept", true],
    ]);
  });

  test("a pool that does not answer is shown as it was, and holds up nobody longer than the deadline", async () => {
    const well = new MemoryPool("well", "a");
    const options = ["stuck", "well"].map(loopOptions);
    const started = performance.now();
    const report = await reportPools(options, memoryPools([stuck("stuck", "b"), well]), { withinMs: 50 });
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(report).toMatchObject([
      { name: "stuck", silence: "no answer within 0.05 s", figures: { state: "ready" } },
      { name: "well" },
    ]);
    expect(report[1]).not.toHaveProperty("silence");
  });

  test("two stuck pools are waited for side by side", async () => {
    const options = ["one", "two"].map(loopOptions);
    const asked: string[] = [];
    const slow = (name: string, digit: string): MemoryPool =>
      Object.assign(new MemoryPool(name, digit), { kernel: () => (asked.push(name), never()) });
    const report = reportPools(options, memoryPools([slow("one", "a"), slow("two", "b")]), { withinMs: 200 });
    // Before either deadline has passed: no timer fires between these two lines.
    expect(asked).toEqual(["one", "two"]);
    expect((await report).map((pool) => "silence" in pool && pool.silence)).toEqual([
      "no answer within 0.2 s",
      "no answer within 0.2 s",
    ]);
  });

  test("an answer that is an error is told, and a device that is gone is a condition", async () => {
    const failing = new MemoryPool("failing", "a");
    failing.kernel = () =>
      Promise.reject(
        new ToolError({ argv: ["dmsetup", "status"], exitCode: 1, stderr: "no", errno: "ENXIO" }),
      );
    const [report] = await reportPools([loopOptions("failing")], memoryPools([failing]), { withinMs: 1000 });
    expect(report).toMatchObject({
      silence: "dmsetup status ended with 1: no",
      conditions: [{ type: "DeviceMissing" }],
    });
  });

  test("a pool that ends while it is asked is absent", async () => {
    const pool = new MemoryPool("one", "a");
    let open = true;
    pool.kernel = () => {
      open = false;
      return Promise.reject(new PoolUnavailableError("given up"));
    };
    const set = memoryPools([pool], ["one"]);
    const pools = { ...set, byName: (name: string) => (open ? set.byName(name) : undefined) };
    const [report] = await reportPools([loopOptions("one")], pools, { withinMs: 1000 });
    expect(report).toMatchObject({ kind: "absent", reason: "its disk is gone" });
  });

  test("conditions come from the figures, and from the fence", async () => {
    const pool = new MemoryPool("one", "a");
    pool.condition = { kind: "read-only", reason: "foreign hands: thin 9" };
    pool.changes = { data: { used: bytes(900n * MIB), size: bytes(GIB) }, dataLimit: bytes(GIB) };
    const [report] = await reportPools([loopOptions("one")], memoryPools([pool]), { withinMs: 1000 });
    expect(report?.conditions).toEqual([
      { type: "DataLow", reason: "its data is filling: 87 % (900 MiB of 1 GiB)" },
      { type: "ReadOnly", reason: "foreign hands: thin 9" },
      { type: "ForeignWriter", reason: "foreign hands: thin 9" },
    ]);
  });
});
