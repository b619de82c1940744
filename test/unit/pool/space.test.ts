import { expect, test } from "vitest";

import { poolDeviceName, thinId } from "../../../src/core/ids.ts";
import { Operations } from "../../../src/core/operations.ts";
import { bytes, KIB } from "../../../src/core/units.ts";
import type { Runner } from "../../../src/host/run.ts";
import { MessageQueue } from "../../../src/pool/queue.ts";
import { PoolSpace } from "../../../src/pool/space.ts";
import { captured } from "../../support/fixtures.ts";
import { POOL_NAME } from "../../support/records.ts";

const BLOCK = bytes(64n * KIB);

function measuring(tool: () => Promise<string>) {
  const messages: string[] = [];
  let walks = 0;
  const runner: Runner = {
    started: 0,
    holding: () => runner,
    run: async () => {
      walks += 1;
      return { stdout: await tool(), stderr: "", exitCode: 0 };
    },
  };
  const space = new PoolSpace({
    name: POOL_NAME,
    blockSize: BLOCK,
    metadataPath: "/dev/mapper/meta",
    poolDevice: poolDeviceName(POOL_NAME, "pool"),
    dmsetup: { message: async (_pool, text) => void messages.push(text) },
    runner,
    queue: new MessageQueue(POOL_NAME, 1000),
    operations: new Operations(),
    now: () => new Date(0),
  });
  return { space, messages, walks: () => walks };
}

const SNAPSHOT = ["reserve_metadata_snap", "release_metadata_snap"];

test("two who ask at once share one walk; a later one is another", async () => {
  const { space, messages, walks } = measuring(async () => captured("thin-tools-1.1.0/thin-space"));
  await Promise.all([space.measure(), space.measure()]);
  expect([walks(), messages]).toEqual([1, SNAPSHOT]);
  await space.measure();
  expect([walks(), messages]).toEqual([2, [...SNAPSHOT, ...SNAPSHOT]]);
  expect(space.of(thinId(1))).toEqual({
    mapped: 16_283n * BLOCK,
    exclusive: 16_283n * BLOCK,
    at: "1970-01-01T00:00:00.000Z",
  });
  expect(space.of(thinId(9))).toBeUndefined();
});

test("a walk that fails gives the snapshot of the metadata back, and what was known stays", async () => {
  const answers = [
    async () => captured("thin-tools-1.1.0/thin-space"),
    () => Promise.reject(new Error("EIO")),
  ];
  const { space, messages } = measuring(() => answers.shift()?.() ?? Promise.resolve(""));
  await space.measure();
  await expect(space.measure()).rejects.toThrow("EIO");
  expect(messages).toEqual([...SNAPSHOT, ...SNAPSHOT]);
  expect(space.of(thinId(2))?.exclusive).toBe(0n);
});
