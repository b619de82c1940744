/** Discards at deletes are off unless asked for, and refused where no discard could reach the disk. */
import { expect, test } from "vitest";

import { parseConfig } from "../../../src/config.ts";

const parse = (pairs: string) =>
  parseConfig(`pools: [{name: a, backing: parts, data: /dev/a, metadata: /dev/b, ${pairs}}]`, {
    nodeName: "node-1",
    endpoint: "unix:///run/csi.sock",
  });

test.each([
  ["overprovision: 1", false],
  ["discardOnDelete: true", true],
])("%s: %s", (pairs, wanted) => {
  expect(parse(pairs)).toMatchObject({ config: { pools: [{ discardOnDelete: wanted }] } });
});

test.each([
  [
    "discard: false, discardOnDelete: true",
    "pools[0].discardOnDelete: needs discard: true, without which no discard reaches the disk",
  ],
  ["discardOnDelete: 1GiB", "pools[0].discardOnDelete: must be true or false"],
])("%s is refused, by the path", (pairs, problem) => {
  expect(parse(pairs)).toEqual({ kind: "invalid", problems: [problem] });
});
