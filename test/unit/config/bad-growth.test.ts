/** What a configuration may not say of pools that grow by themselves. */
import { expect, test } from "vitest";

import { parseConfig } from "../../../src/config.ts";

function problems(text: string): readonly string[] {
  const parsed = parseConfig(text, { nodeName: "node-1", endpoint: "unix:///run/csi.sock" });
  return parsed.kind === "invalid" ? parsed.problems : [];
}

const withKey = (pair: string): string =>
  `pools: [{name: a, backing: loop, directory: /var/lib/dmthin/a, dataSize: 10GiB, ${pair}}]`;
const partsPool = (pairs: string): string => `pools: [{name: a, backing: parts, ${pairs}}]`;

test.each<[what: string, text: string, expected: readonly string[]]>([
  [
    "growth that begins before the kernel tells of it",
    withKey("autoGrow: {at: 60}"),
    ["pools[0].autoGrow.at: must be a whole number from 80 to 99, in percent"],
  ],
  [
    "growth by nothing",
    withKey("autoGrow: {step: 0}"),
    ["pools[0].autoGrow.step: must be a whole number from 1 to 100, in percent"],
  ],
  [
    "a limit of growth below the size",
    withKey("autoGrow: {limit: 9GiB}"),
    ["pools[0].autoGrow.limit: must not be below dataSize"],
  ],
  [
    "a limit of growth for a data device, which is its own limit",
    partsPool("data: /dev/a, metadata: /dev/b, autoGrow: {limit: 9GiB}"),
    ["pools[0].autoGrow.limit: is not a key here; keys are at, metadata"],
  ],
])("%s is refused, by the path", (_what, text, expected) => {
  expect(problems(text)).toEqual(expected);
});
