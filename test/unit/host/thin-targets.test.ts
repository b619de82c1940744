import { describe, expect, test } from "vitest";

import { ensureThinTargets } from "../../../src/host/thin-targets.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { captured } from "../../support/fixtures.ts";

const WITH = captured("dmsetup-1.02.205-linux-7.2/targets");
const WITHOUT = WITH.replaceAll(/^thin.*\n/gm, "");

describe("the kernel's thin targets", () => {
  test("present: nothing is loaded", async () => {
    const runner = fakeRunner({ "dmsetup targets": { stdout: WITH } });
    await ensureThinTargets(runner);
    expect(runner.commands).toEqual(["dmsetup targets"]);
  });

  test("absent: the module is loaded and looked for", async () => {
    const runner = fakeRunner({
      "dmsetup targets": [{ stdout: WITHOUT }, { stdout: WITH }],
      "modprobe dm_thin_pool": {},
    });
    await ensureThinTargets(runner);
    expect(runner.commands).toEqual(["dmsetup targets", "modprobe dm_thin_pool", "dmsetup targets"]);
  });

  test("a module that cannot be loaded is named, with the cure", async () => {
    const runner = fakeRunner({
      "dmsetup targets": { stdout: WITHOUT },
      "modprobe dm_thin_pool": { exitCode: 1, stderr: "modprobe: FATAL: Module dm_thin_pool not found." },
    });
    await expect(ensureThinTargets(runner)).rejects.toMatchObject({
      kind: "environment",
      message: expect.stringMatching(
        /Module dm_thin_pool not found.*run "modprobe dm_thin_pool" on the node/,
      ) as string,
    });
  });

  const SILENT = { exitCode: 1, stderr: "/dev/mapper/control: open failed: No such device" };

  test("device-mapper not loaded at all: its thin module brings it", async () => {
    const runner = fakeRunner({ "dmsetup targets": [SILENT, { stdout: WITH }], "modprobe dm_thin_pool": {} });
    await ensureThinTargets(runner);
    expect(runner.commands).toEqual(["dmsetup targets", "modprobe dm_thin_pool", "dmsetup targets"]);
  });

  test("a kernel without device-mapper is told apart", async () => {
    const runner = fakeRunner({
      "dmsetup targets": SILENT,
      "modprobe dm_thin_pool": { exitCode: 1, stderr: "modprobe: FATAL: Module dm_thin_pool not found." },
    });
    await expect(ensureThinTargets(runner)).rejects.toMatchObject({
      kind: "environment",
      message: expect.stringContaining("dm_mod") as string,
    });
  });
});
