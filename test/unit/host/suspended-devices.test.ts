import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { DmName, DmUuid } from "../../../src/core/ids.ts";
import { BracketNotes } from "../../../src/host/bracket-notes.ts";
import type { Runner } from "../../../src/host/run.ts";
import {
  ownDevices,
  releaseBracket,
  resumeDevices,
  type ResumeTool,
  thawMounts,
  whyUnguardable,
  withoutKilling,
} from "../../../src/host/suspended-devices.ts";
import { sweepSuspended } from "../../../src/host/suspended-sweep.ts";
import { FakeSysfs } from "../../support/fake-sysfs.ts";

const POOL = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";

const own = (role: string, suspended: boolean, pool = POOL) => ({
  name: `dmthin-${pool === POOL ? "fast" : "slow"}-${role}` as DmName,
  uuid: `DMTHIN-${pool}-${role}` as DmUuid,
  suspended,
});
const thinOf = (number: number, suspended: boolean, pool = POOL) =>
  own(`v-${String(number).padStart(20, "0")}`, suspended, pool);
const foreign = { name: "dmthin-fast-v-9", uuid: "LVM-0123", suspended: true };
const nameless = { name: "other", uuid: "", suspended: true };

let sysfs: FakeSysfs | undefined;
const sysWith = (...devices: ConstructorParameters<typeof FakeSysfs>[0]): FakeSysfs => {
  sysfs = new FakeSysfs(devices);
  return sysfs;
};

afterEach(() => sysfs?.remove());

describe("looking", () => {
  test("sees own devices only, by their uuid", () => {
    const devices = [thinOf(1, true), own("pool", false)];
    const sys = sysWith(foreign, ...devices, nameless);
    expect(ownDevices(sys.root)).toStrictEqual(devices);
  });

  test("passes over a device that is going away", () => {
    const sys = sysWith(thinOf(1, true), thinOf(2, true));
    rmSync(join(sys.root, "block/dm-0/dm/suspended"));
    expect(ownDevices(sys.root)).toStrictEqual([thinOf(2, true)]);
  });
});

describe("resuming", () => {
  test("takes the suspended ones of those named, and goes by uuid", async () => {
    const sys = sysWith(thinOf(1, true), thinOf(2, false), thinOf(3, true));
    expect(await resumeDevices([thinOf(1, true), thinOf(2, true)], sys.tool(), sys.root)).toStrictEqual([]);
    expect(sys.commands).toStrictEqual([`dmsetup resume --uuid ${thinOf(1, true).uuid}`]);
    expect(ownDevices(sys.root).map((device) => device.suspended)).toStrictEqual([false, false, true]);
  });

  test("goes from the bottom up: linear, pool, thin", async () => {
    const devices = [thinOf(1, true), own("pool", true), own("data", true)];
    const sys = sysWith(...devices);
    await resumeDevices(devices, sys.tool(), sys.root);
    expect(sys.commands).toStrictEqual(
      devices.toReversed().map((device) => `dmsetup resume --uuid ${device.uuid}`),
    );
  });

  test("leaves alone a device of the same name but another uuid", async () => {
    const sys = sysWith({ ...thinOf(1, true), uuid: thinOf(2, true).uuid });
    expect(await resumeDevices([thinOf(1, true)], sys.tool(), sys.root)).toStrictEqual([]);
    expect(sys.commands).toStrictEqual([]);
  });

  test("says what is still suspended, and why", async () => {
    const sys = sysWith(thinOf(1, true));
    expect(await resumeDevices([thinOf(1, true)], sys.tool(1), sys.root)).toStrictEqual([
      `still suspended: ${thinOf(1, true).name}`,
      "dmsetup: Device or resource busy",
    ]);
  });

  test("counts a device that somebody else resumed meanwhile as resumed", async () => {
    const sys = sysWith(thinOf(1, true));
    const resume = sys.tool();
    const problems = await resumeDevices(
      [thinOf(1, true)],
      async (tool, args) => {
        await resume(tool, args);
        throw new Error("killed after it had done its work");
      },
      sys.root,
    );
    expect(problems).toStrictEqual([]);
  });
});

describe("thawing", () => {
  test.each([
    ["fsfreeze: /m: unfreeze failed: Invalid argument", []],
    ["fsfreeze: cannot open /m: No such file or directory", []],
    [
      "fsfreeze: /m: unfreeze failed: Input/output error",
      ["fsfreeze: /m: unfreeze failed: Input/output error"],
    ],
  ])("ends well where nothing is frozen: %s", async (message, problems) => {
    expect(await thawMounts(["/m"], () => Promise.reject(new Error(message)))).toStrictEqual(problems);
  });
});

describe("releasing a bracket", () => {
  const bracket = { devices: [thinOf(1, true)], mountPoints: ["/mnt/a"] };

  test("thaws when the devices run", async () => {
    const sys = sysWith(thinOf(1, true));
    expect(await releaseBracket(bracket, sys.tool(), sys.root)).toStrictEqual([]);
    expect(sys.commands).toStrictEqual([
      `dmsetup resume --uuid ${thinOf(1, true).uuid}`,
      "fsfreeze --unfreeze /mnt/a",
    ]);
  });

  test("thaws nothing while a device is suspended: the thaw would wait for it", async () => {
    const sys = sysWith(thinOf(1, true));
    const tools: string[] = [];
    const failing: ResumeTool = (tool) => {
      tools.push(tool);
      return Promise.reject(new Error("no"));
    };
    const problems = await releaseBracket(bracket, failing, sys.root);
    expect(problems).toStrictEqual([`still suspended: ${thinOf(1, true).name}`, "no"]);
    expect(tools).toStrictEqual(["dmsetup"]);
  });
});

describe("a thaw that takes long", () => {
  test("is given up and goes on", async () => {
    const thaw = Promise.withResolvers<void>();
    await expect(withoutKilling(thaw.promise, "fsfreeze", 10)).rejects.toThrow(
      "fsfreeze: no answer within 10 ms",
    );
    thaw.resolve();
    await expect(withoutKilling(thaw.promise, "fsfreeze", 10)).resolves.toBeUndefined();
  });
});

describe("a bracket that cannot be guarded", () => {
  const bracket = { id: "bracket-1", deadlineMs: 1000, devices: [thinOf(1, false)], mountPoints: ["/proc"] };

  test("is none whose devices and mounts are all in sight", () => {
    expect(whyUnguardable(bracket, sysWith(thinOf(1, false)).root)).toBeUndefined();
  });

  test.each([
    ["no such device", [thinOf(2, false)], bracket],
    ["another device of that name", [{ ...thinOf(1, false), uuid: thinOf(2, false).uuid }], bracket],
    ["no mount there", [thinOf(1, false)], { ...bracket, mountPoints: ["/proc/self"] }],
    ["nothing there", [thinOf(1, false)], { ...bracket, mountPoints: ["/nowhere/at/all"] }],
  ])("%s", (_, devices, request) => {
    expect(whyUnguardable(request, sysWith(...devices).root)).toMatch(/the guard sees no/);
  });
});

describe("the sweep at start", () => {
  let state = "";

  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "dmthin-state-"));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  /** `flock` finds a lock taken where the file exists; dmsetup and fsfreeze work on the fake sysfs. */
  const runnerOn = (sys: FakeSysfs): Runner => {
    const resume = sys.tool();
    const runner: Runner = {
      started: 0,
      holding: () => runner,
      async run(tool, args) {
        if (tool === "flock") return { stdout: "", stderr: "", exitCode: 1 };
        if (tool === "dmsetup" || tool === "fsfreeze") await resume(tool, args);
        return { stdout: "", stderr: "", exitCode: 0 };
      },
    };
    return runner;
  };
  const note = (id: string, pool: string) => ({
    id,
    deadlineMs: 1000,
    devices: [thinOf(1, true, pool)],
    mountPoints: [`/mnt/${id}`],
  });

  test("resumes own devices, thaws the mounts of notes, and leaves everybody else alone", async () => {
    const sys = sysWith(thinOf(1, true), foreign, thinOf(2, true), nameless);
    new BracketNotes(state).write(note("bracket-1", POOL));
    expect(await sweepSuspended(runnerOn(sys), state, sys.root)).toStrictEqual({
      resumed: [thinOf(1, true).name, thinOf(2, true).name],
      thawed: ["/mnt/bracket-1"],
      left: [],
      problems: [],
    });
    expect(sys.commands).toStrictEqual([
      `dmsetup resume --uuid ${thinOf(1, true).uuid}`,
      `dmsetup resume --uuid ${thinOf(2, true).uuid}`,
      "fsfreeze --unfreeze /mnt/bracket-1",
    ]);
    expect(readdirSync(join(state, "brackets"))).toStrictEqual([]);
  });

  test("leaves the pool of a living driver alone, its notes too", async () => {
    const sys = sysWith(thinOf(1, true), thinOf(1, true, OTHER));
    writeFileSync(join(state, `${OTHER}.lock.owner`), "");
    const notes = new BracketNotes(state);
    notes.write(note("bracket-1", POOL));
    notes.write(note("bracket-2", OTHER));
    expect(await sweepSuspended(runnerOn(sys), state, sys.root)).toStrictEqual({
      resumed: [thinOf(1, true).name],
      thawed: ["/mnt/bracket-1"],
      left: [thinOf(1, true, OTHER).name],
      problems: [],
    });
    expect(readdirSync(join(state, "brackets"))).toStrictEqual(["bracket-2.json"]);
  });

  test("passes over what is no note", async () => {
    const sys = sysWith(thinOf(1, true));
    mkdirSync(join(state, "brackets/bracket-1.json"), { recursive: true });
    writeFileSync(join(state, "brackets/bracket-2.json"), "{}");
    const report = await sweepSuspended(runnerOn(sys), state, sys.root);
    expect(report).toMatchObject({ resumed: [thinOf(1, true).name], thawed: [], problems: [] });
  });

  test("never fails: what is broken is a line in its report", async () => {
    const sys = sysWith();
    const report = await sweepSuspended(runnerOn(sys), state, join(sys.root, "nowhere"));
    expect(report).toStrictEqual({
      resumed: [],
      thawed: [],
      left: [],
      problems: [expect.stringMatching(/ENOENT/)],
    });
  });
});
