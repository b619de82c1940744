/** What `dmthin pool grow` says, and with which exit code. */
import { expect, test } from "vitest";
import { growthAnswer, parseGrowth } from "../../../src/commands/growth-text.ts";
import { ParseError } from "../../../src/core/errors.ts";
import type { GrowthAnswer } from "../../../src/core/growth-answer.ts";
import type { PoolName } from "../../../src/core/ids.ts";
import { formatJson } from "../../../src/core/json.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";

const GROWN: GrowthAnswer = {
  kind: "grown",
  pool: "fast" as PoolName,
  dryRun: false,
  before: { data: bytes(GIB), metadata: bytes(64n * MIB) },
  after: { data: bytes(2n * GIB), metadata: bytes(64n * MIB) },
  devices: [{ path: "devices[1] /dev/sdb", change: "take", size: bytes(GIB) }],
  notDone: [],
  notes: [],
};

const said = (answer: GrowthAnswer, json = false) =>
  growthAnswer(parseGrowth(formatJson(answer)), "fast", json);

const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);

test("what has grown, from where to where, and what for", () => {
  expect(said(GROWN)).toEqual({
    exitCode: 0,
    output:
      "pool fast has grown\ndata:     1 GiB -> 2 GiB\nmetadata: 64 MiB, and as much spare\ndevices[1] /dev/sdb (1 GiB) is taken\n",
  });
  expect(said({ ...GROWN, dryRun: true }).output).toMatch(
    /^pool fast would grow\n[^]*would be taken\nnothing was changed\n$/,
  );
  expect(JSON.parse(said(GROWN, true).output)).toEqual({
    pool: "fast",
    dryRun: false,
    grows: true,
    before: { data: "1073741824", metadata: "67108864" },
    after: { data: "2147483648", metadata: "67108864" },
    devices: [{ path: "devices[1] /dev/sdb", change: "take", size: "1073741824" }],
    notDone: [],
    notes: [],
  });
});

test("nothing to take up is no failure; what was not done is told by the exit code", () => {
  const still = { ...GROWN, after: GROWN.before, devices: [] };
  expect(said(still)).toMatchObject({
    exitCode: 0,
    output: like(/^pool fast: there is nothing to take up\n/),
  });
  expect(said({ ...still, notDone: ["a\nb"] })).toMatchObject({
    exitCode: 4,
    output: like(/- not done: a b\n$/),
  });
});

test("a pool that is not there or not open", () => {
  expect(said({ kind: "no-such-pool", known: ["a" as PoolName, "b" as PoolName] })).toEqual({
    exitCode: 3,
    output: "",
    complaint: "no pool is named fast; there are a, b",
  });
  expect(said({ kind: "cannot", reason: "it is not open: its disk is gone" })).toEqual({
    exitCode: 2,
    output: "",
    complaint: "pool fast cannot grow now: it is not open: its disk is gone",
  });
});

test.each(["", "{}", '{"kind":"grown"}', '{"kind":"cannot"}'])("%j is no answer", (text) => {
  expect(() => parseGrowth(text)).toThrow(ParseError);
});
