/** What a person's request to grow asks the pool for. */
import { expect, test } from "vitest";
import type { DevicesPoolOptions } from "../../../src/core/pool-options.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import { growPool, optionsToGrow } from "../../../src/pool/grow-pool.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { POOL_NAME } from "../../support/records.ts";

const gib = (count: bigint) => bytes(count * GIB);
const loop = { ...loopOptions(POOL_NAME), dataSize: gib(10n) };
const stepping = { ...loop, autoGrow: { at: 80, metadata: true, step: 20, limit: gib(13n) } };

test("a loop pool is asked for what is configured, else for one step up to its limit", () => {
  const asked = (options: typeof loop, now: bigint) => optionsToGrow(options, gib(now), false);
  expect(asked(stepping, 5n)).toMatchObject({ dataSize: gib(10n) });
  expect(asked(stepping, 10n)).toMatchObject({ dataSize: gib(12n) });
  expect(asked(stepping, 12n)).toMatchObject({ dataSize: gib(13n) });
  expect(asked(stepping, 13n)).toMatchObject({ dataSize: gib(10n) });
  expect(asked(loop, 10n)).toBe(loop);
});

test("what is held back is asked for only in words", () => {
  const disks: DevicesPoolOptions = {
    ...loop,
    backing: "devices",
    devices: ["/dev/sda"],
    reserve: { percent: 10 },
    force: [],
  };
  expect(optionsToGrow(disks, gib(1n), false)).toBe(disks);
  expect(optionsToGrow(disks, gib(1n), true)).not.toHaveProperty("reserve");
});

test("a pool that is not open is not looked at", async () => {
  const supervisor = {
    name: POOL_NAME,
    pool: undefined,
    absence: "its disk is gone",
    reopen: async () => {},
  };
  const runner = {
    started: 0,
    run: () => Promise.reject(new Error("nothing is run")),
    holding: () => runner,
  };
  const wish = { dryRun: false, releaseReserve: false };
  expect(await growPool({ supervisor, runner, options: loop, configured: [] }, wish)).toEqual({
    kind: "cannot",
    reason: "it is not open: its disk is gone",
  });
});
