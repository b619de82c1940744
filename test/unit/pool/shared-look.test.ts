import { expect, test } from "vitest";

import { PoolUnavailableError } from "../../../src/core/errors.ts";
import { bytes, MIB } from "../../../src/core/units.ts";
import { thinPoolBench } from "../../support/thin-pool-bench.ts";

const volume = (number: number) =>
  ({
    name: `pvc-${number}`,
    range: { required: bytes(64n * MIB) },
    source: { kind: "empty" },
    access: ["mount"],
    mkfsOptions: [],
  }) as const;

test("volumes that are asked for at once share one look at the pool before, and each has its own after its message", async () => {
  const bench = thinPoolBench();
  // The first takes new thin ids, which is a message of its own.
  await bench.pool.createVolume(volume(0));
  bench.looks = 0;
  await Promise.all(Array.from({ length: 8 }, (_one, number) => bench.pool.createVolume(volume(number + 1))));
  expect(bench.thins.size).toBe(9);
  expect(bench.looks).toBe(1 + 8);
});

test("one that is asked for after the others' look began gets a look of its own", async () => {
  const bench = thinPoolBench();
  await bench.pool.createVolume(volume(0));
  const first = bench.pool.createVolume(volume(1));
  // As soon as the kernel was asked, somebody else changes the pool: the answer under way need not show it.
  const asked = bench.looks;
  while (bench.looks === asked) await Promise.resolve();
  bench.setTransactionId(5n);
  const messages = bench.messages.length;
  const second = bench.pool.createVolume(volume(2));
  await expect(second).rejects.toThrow(PoolUnavailableError);
  await first.catch(() => undefined);
  expect(bench.messages.slice(messages).filter((text) => text.startsWith("create_thin"))).toHaveLength(1);
});
