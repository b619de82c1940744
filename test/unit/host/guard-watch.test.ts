import { setTimeout as delay } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { GuardBrackets } from "../../../src/host/guard-brackets.ts";
import type { Bracket } from "../../../src/host/guard-protocol.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../../../src/core/ids.ts";
import { POOL_NAME, POOL_UUID, volumeIdOf } from "../../support/records.ts";

const bracketOf = (id: string, number: number): Bracket => ({
  id,
  deadlineMs: 60_000,
  devices: [
    {
      name: thinDeviceName(POOL_NAME, keyOf(volumeIdOf(number))),
      uuid: thinDeviceUuid(POOL_UUID, keyOf(volumeIdOf(number))),
    },
  ],
  mountPoints: [],
});

/** A kernel in which a device can become suspended at any moment. */
function bench() {
  const world = { held: false, releases: 0, quiet: 0 };
  const brackets = new GuardBrackets(
    {
      refuse: () => undefined,
      remember: () => undefined,
      forget: () => undefined,
      isHeld: () => world.held,
      release: async () => {
        world.releases += 1;
        world.held = false;
        return [];
      },
      log: () => undefined,
    },
    () => (world.quiet += 1),
    { totalMs: 200, pauseMs: 10 },
  );
  return { brackets, world, owner: {} };
}

describe("a guard that has resumed", () => {
  test("resumes once more what a killed suspend suspends late", async () => {
    const { brackets, world, owner } = bench();
    brackets.arm(owner, bracketOf("a", 1));
    brackets.drop(owner);
    await delay(30);
    expect([world.releases, brackets.active, brackets.watched]).toEqual([1, 0, 1]);
    world.held = true;
    await delay(60);
    expect([world.releases, world.held]).toEqual([2, false]);
  });

  test("stops watching after a while, and only then is quiet", async () => {
    const { brackets, world, owner } = bench();
    brackets.arm(owner, bracketOf("a", 1));
    brackets.drop(owner);
    await delay(400);
    expect(brackets.watched).toBe(0);
    expect(world.quiet).toBeGreaterThan(0);
  });

  test("leaves a device alone that is armed again: it is suspended on purpose", async () => {
    const { brackets, world, owner } = bench();
    brackets.arm(owner, bracketOf("a", 1));
    brackets.drop(owner);
    await delay(30);
    brackets.arm({}, bracketOf("b", 1));
    world.held = true;
    await delay(60);
    expect([world.releases, world.held, brackets.watched]).toEqual([1, true, 0]);
  });
});
