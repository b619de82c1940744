import { expect, test } from "vitest";

import type { PoolUuid } from "../../../src/core/ids.ts";
import { bytes } from "../../../src/core/units.ts";
import { ConditionsLog } from "../../../src/route/conditions-log.ts";
import type { PoolView } from "../../../src/route/node-view.ts";
import { recordingLog } from "../../support/recording-log.ts";

const SIZE = { size: bytes(0n), used: bytes(0n) };
const pool = (digit: string, ...reasons: readonly string[]): PoolView => ({
  uuid: `${digit.repeat(8)}-0000-4000-8000-000000000000` as PoolUuid,
  name: `pool-${digit}`,
  isDefault: false,
  capacity: { available: 0n, maximumVolume: 0n, minimumVolume: 0n },
  data: SIZE,
  conditions: reasons.map((reason) => ({ type: "DataLow", reason })),
});

function bench() {
  const { log, lines } = recordingLog();
  const told = () => lines.splice(0).map(({ facts }) => [facts["node"], facts["pool"], facts["conditions"]]);
  return { conditions: new ConditionsLog(log), told };
}

test("a condition is told once, and again when it changes or ends", () => {
  const { conditions, told } = bench();
  for (const reasons of [[], ["80 %"], ["80 %"], ["90 %"], [], []])
    conditions.tell("a", { pools: [pool("1", ...reasons)] });
  expect(told()).toEqual([
    ["a", "pool-1", ["DataLow: 80 %"]],
    ["a", "pool-1", ["DataLow: 90 %"]],
    ["a", "pool-1", []],
  ]);
});

test("a node that was away is not told of again", () => {
  const { conditions, told } = bench();
  conditions.tell("a", { pools: [pool("1", "80 %")] });
  conditions.tell("a", undefined);
  conditions.tell("a", { pools: [pool("1", "80 %")] });
  expect(told()).toHaveLength(1);
});

test("only what a node named last is remembered, and nothing of one that has left", () => {
  const { conditions, told } = bench();
  conditions.tell("a", { pools: [pool("1", "80 %")] });
  conditions.tell("b", { pools: [pool("2", "80 %")] });
  conditions.tell("a", { pools: [pool("3", "80 %")] });
  told();
  conditions.tell("a", { pools: [pool("1", "80 %")] });
  conditions.forget("b");
  conditions.tell("b", { pools: [pool("2", "80 %")] });
  expect(told().map(([, name]) => name)).toEqual(["pool-1", "pool-2"]);
});
