import { describe, expect, test } from "vitest";

import { goingOn } from "../../faults/fuzz/left-calls.ts";

const STAGE = { method: "NodeStageVolume", volume_id: "v-1", staging_target_path: "/k/one" };
const line = (call: object, facts: object, msg = "rpc"): string =>
  `${JSON.stringify({ level: "info", time: Math.random(), ...call, ms: 7, ...facts, msg })}\n`;
const late = (call: object): string =>
  line(call, { code: "DEADLINE_EXCEEDED", error: "the caller's deadline passed; the operation goes on" });
const gone = (call: object): string =>
  line(call, { code: "CANCELLED", error: "the caller has gone; the operation goes on" });
const ended = (call: object, code = "OK"): string =>
  line(call, { code, error: "why" }, "an operation ended after its call");

describe("goingOn", () => {
  test.each([
    ["a caller whose deadline passed", late(STAGE)],
    ["a caller who went", gone(STAGE)],
    [
      "one that the driver itself gave up on",
      line(STAGE, {
        code: "DEADLINE_EXCEEDED",
        error: "NodeStageVolume has no answer after 300 s; it goes on, and a retry joins it",
      }),
    ],
  ])("names what was left by %s, until it has ended in any way", (_who, left) => {
    expect(goingOn(left)).toEqual([JSON.stringify(STAGE)]);
    expect(goingOn(left + ended(STAGE, "ABORTED"))).toEqual([]);
  });

  test("does not take the end of another call for it, nor one end for two", () => {
    const other = { ...STAGE, volume_id: "v-2" };
    expect(goingOn(late(STAGE) + ended(other))).toEqual([JSON.stringify(STAGE)]);
    expect(goingOn(late(STAGE) + gone(STAGE) + ended(STAGE))).toEqual([JSON.stringify(STAGE)]);
  });

  test("does not wait for what was answered, whatever the answer says", () => {
    const answered = line(STAGE, { code: "ABORTED", error: "DeleteVolume v-1 is under way; retry later" });
    expect(goingOn(answered + line(STAGE, { code: "OK" }))).toEqual([]);
  });

  test("leaves a half written line to the next look", () => {
    expect(goingOn(late(STAGE).slice(0, -20))).toEqual([]);
  });
});
