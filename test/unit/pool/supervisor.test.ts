import { setImmediate as settle } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { DeviceMissingError, PoolUnavailableError, TroubledPoolError } from "../../../src/core/errors.ts";
import { NAME, supervisorBench as bench } from "../../support/supervisor-bench.ts";

describe("a pool that cannot be opened", () => {
  test("is tried again after 1 s, then after twice as long each time, up to a minute", async () => {
    const { end, pass, tries } = bench();
    const waits: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      await end((trial) => trial.fail("no disk"));
      let seconds = 0;
      for (const before = tries.length; tries.length === before; seconds += 1) await pass(1000);
      waits.push(seconds);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test("may be made in the first try only", async () => {
    const { end, pass, tries } = bench();
    for (let round = 0; round < 3; round += 1) {
      await end((trial) => trial.fail("no disk"));
      await pass(60_000);
    }
    expect(tries.map(({ mayCreate }) => mayCreate)).toEqual([true, false, false, false]);
  });

  test("says why, and when it is tried again; while a try is under way too", async () => {
    const { end, pass, supervisor, tries } = bench();
    expect(supervisor.absence).toBe("it is still being opened");
    await end((trial) => trial.fail("no disk"));
    expect(await supervisor.tried).toBe(false);
    await pass(1000);
    expect(supervisor.absence).toBe("no disk; it is being tried again now");
    await end((trial) => trial.fail("a damaged disk"));
    expect(supervisor.absence).toBe("a damaged disk; it is tried again in 2 s");
    await pass(1500);
    expect(supervisor.absence).toBe("a damaged disk; it is tried again in 1 s");
    expect(tries.length).toBe(2);
  });

  test("is logged when the reason changes, not at each try", async () => {
    const { end, pass, lines } = bench();
    for (const reason of ["no disk", "no disk", "a damaged disk", "a damaged disk", "no disk"]) {
      await end((trial) => {
        trial.report("warn", "blockSize has no effect");
        trial.fail(reason);
      });
      await pass(60_000);
    }
    expect(lines).toEqual([
      "blockSize has no effect",
      "pool fast could not be opened: no disk; it is tried again",
      "pool fast could not be opened: a damaged disk; it is tried again",
      "pool fast could not be opened: no disk; it is tried again",
    ]);
  });

  test.each([
    ["a device that is missing", new DeviceMissingError("/dev/x: no such device"), "device-missing"],
    ["metadata that needs a check", new TroubledPoolError("needs-check", "needs a check"), "needs-check"],
    ["anything else", new PoolUnavailableError("no disk"), undefined],
  ])("tells the kind of its trouble: %s; none once it is open", async (_what, error, trouble) => {
    const { end, pass, supervisor, last } = bench();
    await end((trial) => trial.failWith(error));
    expect(supervisor.trouble).toBe(trouble);
    await pass(1000);
    expect(supervisor.trouble).toBe(trouble);
    last().succeed();
    await settle();
    expect(supervisor.trouble).toBeUndefined();
  });

  test("is not tried again before all of the last try is over, however long that takes", async () => {
    const { supervisor, last, pass, tries } = bench();
    last().fail("no answer");
    await settle();
    await pass(600_000);
    expect(tries.length).toBe(1);
    expect(supervisor.absence).toBe("no answer; it is tried again when what is under way on it has ended");
    last().closed.resolve();
    await settle();
    await pass(1000);
    expect(tries.length).toBe(2);
  });

  test("comes in as soon as it opens", async () => {
    const { end, pass, supervisor, last } = bench();
    await end((trial) => trial.fail("no disk"));
    await pass(1000);
    last().succeed();
    await settle();
    expect(supervisor.pool?.name).toBe("fast");
  });
});

describe("a pool that is of no use any more", () => {
  test("is gone at once, and opened again when all of it is over", async () => {
    const { supervisor, last, pass, tries, lines } = bench();
    last().succeed();
    await settle();
    last().freeze("its catalog failed");
    await settle();
    expect(supervisor.pool).toBeUndefined();
    expect(last().closing).toBe(true);
    await pass(600_000);
    expect(tries.length).toBe(1);
    last().closed.resolve();
    await settle();
    await pass(1000);
    last().succeed();
    await settle();
    expect(supervisor.pool).toBeDefined();
    expect(lines).toEqual([
      "pool fast is open",
      "pool fast is given up, to be opened again: its catalog failed",
      "pool fast is open",
    ]);
  });

  test.each([
    ["an hour: the waits begin anew", 3_600_000, "1 s"],
    ["a moment: the waits go on growing", 1000, "4 s"],
  ])("after it was open for %s", async (_what, openMs, wait) => {
    const { end, supervisor, last, pass } = bench();
    await end((trial) => trial.fail("no disk"));
    await pass(1000);
    await end((trial) => trial.fail("no disk"));
    await pass(2000);
    last().succeed();
    await settle();
    await pass(openMs);
    await end((trial) => trial.freeze("its catalog failed"));
    expect(supervisor.absence).toBe(`its catalog failed; it is tried again in ${wait}`);
  });
});

describe("a pool that is to be opened again", () => {
  test("is gone until all of it is over, and then comes in anew, without a word of failure", async () => {
    const { last, lines, pass, supervisor, tries } = bench();
    last().succeed();
    await settle();
    const reopened = supervisor.reopen("its list of devices is another").then(() => supervisor.pool);
    await settle();
    expect(supervisor.pool).toBeUndefined();
    expect(supervisor.absence).toMatch(/^its list of devices is another; it is tried again when/);
    last().closed.resolve();
    await settle();
    await pass(1000);
    last().succeed();
    await settle();
    expect(tries.length).toBe(2);
    expect(supervisor.pool).toBeDefined();
    expect(await reopened).toBe(supervisor.pool);
    expect(lines).toContain(`pool ${NAME} is opened again: its list of devices is another`);
    expect(lines.join()).not.toMatch(/could not|given up/);
  });

  test("is opened again once for each time it was asked for, and not for what was asked before it was open", async () => {
    const { last, supervisor, tries } = bench();
    await supervisor.reopen("too early");
    last().succeed();
    await settle();
    expect(supervisor.pool).toBeDefined();
    expect(tries.length).toBe(1);
  });
});

describe("at the end of the driver", () => {
  test("an open pool is closed and not opened again", async () => {
    const { end, supervisor, last, pass, tries } = bench();
    last().succeed();
    await settle();
    const stopped = supervisor.stop();
    await end(() => {});
    await stopped;
    await pass(600_000);
    expect(tries.length).toBe(1);
  });

  test("a pool that waits for its next try is let go at once", async () => {
    const { end, supervisor, tries } = bench();
    await end((trial) => trial.fail("no disk"));
    await supervisor.stop();
    expect(tries.length).toBe(1);
  });

  test("one that is just being opened is closed when that is over", async () => {
    const { supervisor, last } = bench();
    const stopped = supervisor.stop();
    last().succeed();
    await settle();
    expect(last().closing).toBe(true);
    last().closed.resolve();
    await stopped;
  });
});
