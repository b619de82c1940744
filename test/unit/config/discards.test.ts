/** Discards at deletes, and trims by the calendar: what may be said of them. */
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
  ["overprovision: 1", 604_800_000],
  ["trim: {}", 604_800_000],
  ["trim: {every: 12h}", 43_200_000],
  ["trim: {every: 90s}", 90_000],
  ["trim: {every: 366d}", 31_622_400_000],
  ["trim: {every: never}", undefined],
])("%s: every %d ms", (pairs, every) => {
  expect(parse(pairs)).toMatchObject({ config: { pools: [{ trim: { every } }] } });
});

const TIME = "must be a time such as 7d, 12h, 30m or 90s, from 10s to 366d, or never";

test.each([
  [
    "discard: false, discardOnDelete: true",
    "pools[0].discardOnDelete: needs discard: true, without which no discard reaches the disk",
  ],
  ["trim: {every: 7}", "pools[0].trim.every: must be text"],
  ["trim: {every: 7days}", `pools[0].trim.every: ${TIME}`],
  ["trim: {every: 9s}", `pools[0].trim.every: ${TIME}`],
  ["trim: {every: 367d}", `pools[0].trim.every: ${TIME}`],
  ["trim: {every: 1.5h}", `pools[0].trim.every: ${TIME}`],
  ["trim: {at: 3h}", "pools[0].trim.at: is not a key here; keys are every"],
  ["discardOnDelete: 1GiB", "pools[0].discardOnDelete: must be true or false"],
])("%s is refused, by the path", (pairs, problem) => {
  expect(parse(pairs)).toEqual({ kind: "invalid", problems: [problem] });
});
