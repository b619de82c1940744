/** What a disk is when it answers again: the same, another, or one that lost what it had acknowledged. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256, writeRandom } from "../../support/content.ts";
import { takeDown, thinIds } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import { capabilityOf } from "../../support/volume-life.ts";
import { ROLES } from "../disk/bad-disk.ts";
import { DiskBench, ON_BAD } from "../disk/disk-bench.ts";

let bench: DiskBench;
beforeAll(async () => {
  bench = await DiskBench.start();
});
afterAll(() => bench.end());

test("promise 7: a disk that does not answer at the driver's start keeps only its own pool away, and it comes by itself", async () => {
  await bench.driver.stop();
  await bench.disk.turn("metadata", "stuck");
  try {
    await bench.begin();
    expect(bench.tooSlow(await bench.round())).toEqual([]);
    expect(await bench.absence()).toMatch(/not open: bad \(it is still being opened\)/);
  } finally {
    await bench.disk.heal("metadata");
  }
  await bench.mended();
});

test("promise 10: a disk that has no label when it answers again is no new pool; with its label it is the old one", async () => {
  const { id } = await bench.bad.create("kept", "block", 64n << 20n, ON_BAD);
  await bench.driver.stop();
  await takeDown("bad", [bench.directory]);
  const restore = await bench.disk.takeLabels();
  for (const role of ROLES) await bench.disk.turn(role, "failing");
  await bench.begin();
  expect(await bench.absence()).toMatch(/cannot be looked at/);
  for (const role of ROLES) await bench.disk.heal(role);
  const refused = /no pool is on its devices; .* restart the driver to make a new pool/;
  await expect.poll(() => bench.absence(), { timeout: 90_000 }).toMatch(refused);
  expect(await bench.disk.isBlank()).toBe(true);
  await restore();
  await bench.mended();
  await bench.driver.client.controller.deleteVolume({ volume_id: id });
  expect(await bench.log()).not.toMatch(/a new one is made.*a new one is made.*a new one is made/s);
});

// The last: such a pool is for a person.
test("promise 10: a catalog whose disk lost what it had acknowledged is not believed, and nothing is written", async () => {
  const kept = await bench.bad.create("kept", "ext4", 64n << 20n, ON_BAD);
  await bench.bad.use(kept);
  const letter = await writeRandom(`${kept.targetPath}/letter`, 1);
  await bench.disk.turn("catalog", "losing writes");
  const lost = await bench.bad.create("lost", "block", 64n << 20n, ON_BAD);
  await bench.driver.stop();
  await bench.disk.heal("catalog");
  const thins = await thinIds("bad");
  await bench.begin();
  const { controller } = bench.driver.client;
  const calls = [
    controller.createVolume({ name: "new", volume_capabilities: [capabilityOf("block")], ...ON_BAD }),
    controller.deleteVolume({ volume_id: lost.id }),
  ];
  for (const call of calls) await expectCode(call, "UNAVAILABLE", /read-only: foreign hands, or an old copy/);
  expect(await thinIds("bad")).toEqual(thins);
  expect(await sha256(`${kept.targetPath}/letter`)).toBe(letter);
  await bench.bad.release(kept);
});
