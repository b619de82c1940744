import { expect, test } from "vitest";

import { callTimes } from "../../e2e/suite/framework/node-calls.ts";

const rpc = (method: string, ms: number) =>
  JSON.stringify({ level: "info", method, ms, code: "OK", msg: "rpc" });

test("calls are counted by method, the dearest first; what is no answer is left out", () => {
  const log = [
    rpc("CreateVolume", 30),
    rpc("NodeStageVolume", 200),
    "not JSON",
    rpc("NodeStageVolume", 900),
    JSON.stringify({ msg: "an operation ended after its call", method: "CreateVolume", ms: 9000 }),
    rpc("NodeStageVolume", 300),
    "",
  ].join("\n");
  expect(callTimes(log)).toStrictEqual([
    { method: "NodeStageVolume", count: 3, medianMs: 300, longestMs: 900 },
    { method: "CreateVolume", count: 1, medianMs: 30, longestMs: 30 },
  ]);
});
