/** In the guest: machine A with three pools, filled; it ends in order, or goes on writing until the power is cut. */
import { setTimeout as sleep } from "node:timers/promises";

import { dataMebibytes } from "../../support/pool-words.ts";
import { RecordWriter } from "../../support/record-writer.ts";
import { settingsOf } from "../power/settings.ts";
import { Packer, recordsOf } from "./cargo.ts";
import { Machine } from "./machine.ts";
import { CARGO, DURABLE, SPLIT, STAYS, WHOLE, WRITING, type Cargo, type PackSettings } from "./settings.ts";

/** Of the disk `one`, at most: the rest of the data is on the other. */
const FIRST_DISK_MIB = 64;

const settings = settingsOf() as PackSettings;
const machine = await Machine.boot(settings);
const devices = [machine.node("one"), machine.node("two")];
const parts = { metadata: machine.node("metadata"), data: machine.node("data") };
await machine.start([
  { name: WHOLE, backing: "devices", devices },
  { name: SPLIT, backing: "parts", ...parts },
  machine.ownPool(STAYS),
]);
const whole = new Packer(machine, WHOLE);
const split = new Packer(machine, SPLIT);
const stays = new Packer(machine, STAYS);
await whole.create("ext4", "xfs", "btrfs", "block");
await split.create("ext4", "block");
await stays.create("ext4");
for (const pool of [whole, split]) await pool.group();
for (const pool of [whole, split]) await pool.overwriteOrigins();
await whole.snapshot("xfs");
await split.snapshot("block");
await whole.clone("ext4");
for (const pool of [whole, split]) await pool.overwriteOrigins();
const { used } = await dataMebibytes(WHOLE);
if (used < FIRST_DISK_MIB) throw new Error(`${used} MiB are used: the second disk holds nothing`);

const cargo: Cargo = {
  whole: await whole.packed(),
  split: await split.packed(),
  stays: await stays.packed(),
};
// For what is the machine's own. The pools have their writers after it.
await machine.sync();
console.log(`${CARGO}${JSON.stringify(cargo)}`);
const writer = await RecordWriter.start(...[...whole.volumes, ...split.volumes].map(recordsOf));
if (settings.clean) {
  await writer.reach(20);
  console.log(`${DURABLE}${await writer.stop()}`);
  for (const pool of [whole, split, stays])
    for (const volume of pool.volumes) await pool.life.release(volume);
  await machine.stop();
  await machine.sync();
} else {
  console.log(WRITING);
  for (;;) {
    console.log(`${DURABLE}${writer.durable}`);
    await writer.reach(1);
    await sleep(5);
  }
}
