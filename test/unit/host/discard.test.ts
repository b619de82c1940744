/** Command lines of discards and trims, and what fstrim says of what it did. */
import { expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import { bytes, KIB, MIB } from "../../../src/core/units.ts";
import { discardRange, trimRange } from "../../../src/host/discard.ts";
import { fakeRunner } from "../../support/fake-runner.ts";

const { signal } = new AbortController();
const least = bytes(64n * KIB);

test("a range of a device", async () => {
  const runner = fakeRunner({ "blkdiscard --offset 1048576 --length 2097152 /dev/dm-3": {} });
  await discardRange(runner, "/dev/dm-3", { offset: bytes(MIB), length: bytes(2n * MIB) });
  expect(runner.calls[0]?.options.timeoutMs).toBeGreaterThan(0);
});

test("a slice of a filesystem, and the last one, which has no end", async () => {
  const runner = fakeRunner({
    "fstrim --verbose --offset 0 --length 134217728 --minimum 65536 /k/a b": {
      stdout: "/k/a b: 238.7 MiB (250249216 bytes) trimmed\n",
    },
    "fstrim --verbose --offset 134217728 --minimum 65536 /k/a b": {
      stdout: "/k/a b: 0 B (0 bytes) trimmed\n",
    },
  });
  const slice = { offset: bytes(0), length: bytes(128n * MIB), least };
  expect(await trimRange(runner, "/k/a b", slice, signal)).toBe(250_249_216n);
  expect(await trimRange(runner, "/k/a b", { offset: bytes(128n * MIB), least }, signal)).toBe(0n);
  expect(runner.calls[0]?.options.signal).toBe(signal);
});

test("an answer that says nothing of bytes is none", async () => {
  const runner = fakeRunner({ "fstrim --verbose --offset 0 --minimum 65536 /k": { stdout: "/k: done\n" } });
  await expect(trimRange(runner, "/k", { offset: bytes(0), least }, signal)).rejects.toThrow(ParseError);
});
