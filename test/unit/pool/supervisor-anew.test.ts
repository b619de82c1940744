/** A pool that gets another configuration before it was ever open: as if the driver were started with it. */
import { setImmediate as settle } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { supervisorBench as bench } from "../../support/supervisor-bench.ts";

describe("what the driver has of a pool", () => {
  test("nothing, until a try has succeeded; while one is under way that is open", async () => {
    const { end, pass, supervisor } = bench();
    expect(supervisor.standing).toEqual({ kind: "trying" });
    await end((trial) => trial.fail("no disk"));
    expect(supervisor.standing).toEqual({ kind: "not-had" });
    await pass(1000);
    expect(supervisor.standing).toEqual({ kind: "trying" });
  });

  test("nothing only when all of the try is over", async () => {
    const { last, supervisor } = bench();
    last().fail("no disk");
    await settle();
    expect(supervisor.standing).toEqual({ kind: "trying" });
    last().closed.resolve();
    await settle();
    expect(supervisor.standing).toEqual({ kind: "not-had" });
  });

  test("its disks, from the first success on, also when it has been lost", async () => {
    const { end, last, pass, supervisor } = bench();
    last().succeed();
    await settle();
    const had = { kind: "had", disks: ["/dev/a"] };
    expect(supervisor.standing).toEqual(had);
    await end((trial) => trial.freeze("its catalog failed"));
    expect(supervisor.standing).toEqual(had);
    await pass(60_000);
    await end((trial) => trial.fail("no disk"));
    expect(supervisor.standing).toEqual(had);
  });

  test("is told at the end of each try", async () => {
    const { end, ends, last, pass } = bench();
    await end((trial) => trial.fail("no disk"));
    await pass(1000);
    last().succeed();
    await settle();
    expect(ends).toEqual(["not-had", "had"]);
    await end((trial) => trial.freeze("its catalog failed"));
    expect(ends).toEqual(["not-had", "had", "had"]);
  });
});

describe("a pool that starts over", () => {
  test("is tried at once, may be made in that try, and waits as in the beginning when that fails", async () => {
    const { end, pass, supervisor, tries } = bench();
    for (const ms of [1000, 2000, 4000]) {
      await end((trial) => trial.fail("no disk"));
      await pass(ms);
    }
    await end((trial) => trial.fail("no disk"));
    supervisor.startOver();
    await settle();
    expect(tries).toHaveLength(5);
    await end((trial) => trial.fail("no disk"));
    expect(supervisor.absence).toBe("no disk; it is tried again in 1 s");
    await pass(1000);
    expect(tries.map(({ mayCreate }) => mayCreate)).toEqual([true, false, false, false, true, false]);
  });

  test.each(["open", "being tried", "lost"])("does not, while it is %s", async (how) => {
    const { end, last, pass, supervisor, tries } = bench();
    if (how !== "being tried") {
      last().succeed();
      await settle();
    }
    if (how === "lost") await end((trial) => trial.freeze("its catalog failed"));
    const before = tries.length;
    supervisor.startOver();
    await settle();
    expect(tries).toHaveLength(before);
    if (how === "open") last().freeze("its catalog failed");
    if (how === "being tried") last().fail("no disk");
    last().closed.resolve();
    await settle();
    await pass(60_000);
    expect(tries).toHaveLength(2);
    expect(last().mayCreate).toBe(false);
  });
});
