/** A node that never had a thin volume: its kernel has not loaded the module. */
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { ensureThinTargets } from "../../src/host/thin-targets.ts";
import { createRunner } from "../../src/host/run.ts";
import { findTools } from "../../src/host/tools.ts";
import { run } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";

let scratch: string;
let isModule: boolean;

const targets = async (): Promise<string> => run("dmsetup", "targets");

async function unload(): Promise<boolean> {
  try {
    await run("modprobe", "--remove", "dm_thin_pool");
    return !/^thin-pool /m.test(await targets());
  } catch {
    return false;
  }
}

beforeAll(async () => {
  scratch = await mkdtemp(join(scratchDirectory(), "thin-module-"));
  await mkdir(join(scratch, "nothing"));
});

beforeEach(async () => {
  isModule = await unload();
});

afterAll(async () => {
  await run("modprobe", "dm_thin_pool");
  await rm(scratch, { recursive: true });
});

test("the module is loaded", async (context) => {
  context.skip(!isModule, "the kernel has thin volumes built in, or somebody uses some");
  await ensureThinTargets(createRunner(findTools()));
  expect(await targets()).toMatch(/^thin-pool /m);
});

test("where the container has no /lib/modules, the error says what to do", async (context) => {
  context.skip(!isModule, "the kernel has thin volumes built in, or somebody uses some");
  await run("mount", "--bind", join(scratch, "nothing"), "/lib/modules");
  try {
    await expect(ensureThinTargets(createRunner(findTools()))).rejects.toMatchObject({
      kind: "environment",
      message: expect.stringMatching(
        /lacks the device-mapper targets thin.*"modprobe dm_thin_pool" on the node/,
      ) as string,
    });
    expect(await targets()).not.toMatch(/^thin-pool /m);
  } finally {
    await run("umount", "/lib/modules");
  }
});
