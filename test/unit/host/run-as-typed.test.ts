import { expect, test } from "vitest";

import { runAsTyped } from "../../../src/host/run-as-typed.ts";

const node = (code: string, options = {}) => runAsTyped(process.execPath, ["-e", code], options);

test("a program has the caller's environment and directory, and its exit code is the answer", async () => {
  process.env["DMTHIN_OF_THE_TEST"] = "his";
  const { stdout, stderr, exitCode } = await node(
    "console.log(process.env.DMTHIN_OF_THE_TEST, process.cwd()); console.error('said'); process.exitCode = 4",
  );
  delete process.env["DMTHIN_OF_THE_TEST"];
  expect([stdout, stderr, exitCode]).toEqual([`his ${process.cwd()}\n`, "said\n", 4]);
});

test("one that there is not says so", async () => {
  const ended = await runAsTyped("dmthin-there-is-no-such-program", []);
  expect([ended.exitCode, ended.spawnErrno]).toEqual([undefined, "ENOENT"]);
});

test("it ends at its deadline", async () => {
  const { exitCode, stderr } = await node("setTimeout(() => {}, 60_000)", { timeoutMs: 500 });
  expect([exitCode, stderr]).toEqual([undefined, "no answer within 500 ms"]);
});
