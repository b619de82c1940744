/**
 * In the guest: machine B. Its disks come in another order, it has a pool that is called as one of those that come, and its
 * configuration has the devices of the other one the wrong way round.
 */
import { parse } from "yaml";

import { formatJson } from "../../../src/core/json.ts";

import { digest } from "../../support/disks.ts";
import type { RawConfig } from "../../support/driver.ts";
import { Findings } from "../power/findings.ts";
import { settingsOf } from "../power/settings.ts";
import { Packer, Unpacker } from "./cargo.ts";
import { Machine } from "./machine.ts";
import { CARGO, MOVED, SPLIT, VERDICT, WHOLE, type Cargo, type CargoSettings } from "./settings.ts";

const { cargo, ...settings } = settingsOf() as CargoSettings;
const machine = await Machine.boot(settings);
const findings = new Findings();
const digests = async (): Promise<string> => {
  const disks = (["one", "two", "metadata", "data"] as const).map((disk) => digest(machine.node(disk)));
  return (await Promise.all(disks)).join("\n");
};

const before = await digests();
await machine.start([machine.ownPool(WHOLE)]);
const packer = new Packer(machine, WHOLE);
await packer.create("ext4");
const own = await packer.packed();
for (const volume of packer.volumes) await packer.life.release(volume);
await machine.stop();

const wrongWayRound = { metadata: machine.node("data"), data: machine.node("metadata") };
await machine.start([machine.ownPool(WHOLE), { name: SPLIT, backing: "parts", ...wrongWayRound }]);
const refused = (await machine.status()).get(SPLIT);
const isClear =
  refused?.kind === "absent" && refused.reason.includes("is the data device of its pool, not metadata");
findings.expect(10, isClear, `devices the wrong way round: ${formatJson(refused)}`);

const pools = await machine.foundPools();
const listed = (uuid: string): string => {
  const { state, standing, members, active } = pools.find((each) => each["uuid"] === uuid) ?? {};
  const on = (members as readonly { readonly member: string; readonly device: string }[]).map(
    ({ member, device }) => `${member} ${device}`,
  );
  return JSON.stringify([state, standing, on, active]);
};
const on = (...pairs: readonly (readonly [string, "one" | "two" | "metadata" | "data"])[]) =>
  pairs.map(([member, disk]) => `${member} ${machine.node(disk)}`);
for (const [{ uuid }, standing, members] of [
  [cargo.whole, { kind: "clash", uuid: own.uuid }, on(["metadata", "one"], ["data-1", "two"])],
  [cargo.split, { kind: "configured" }, on(["metadata", "metadata"], ["data", "data"])],
] as const) {
  const expected = JSON.stringify(["complete", standing, members, undefined]);
  findings.expect(10, listed(uuid) === expected, `listed as ${listed(uuid)}, expected ${expected}`);
}
const clash = await machine.adopt(cargo.whole.uuid);
const isClash = clash.code === 1 && clash.stderr.includes(`is configured here for pool ${own.uuid}`);
findings.expect(10, isClash, `a name that is taken: ${clash.code} ${clash.stderr}`);
findings.expect(10, (await digests()) === before, "disks were written to before anything was adopted");
await machine.stop();

async function adopted(...words: readonly string[]): Promise<readonly RawConfig[]> {
  const { code, stdout: answer, stderr } = await machine.adopt(...words, "-o", "json");
  if (code !== 0) throw new Error(`pool adopt ${words.join(" ")} ended with ${code}: ${stderr}${answer}`);
  const { stanza } = JSON.parse(answer) as { readonly stanza: string };
  return parse(stanza) as readonly RawConfig[];
}

const received = await findings.attempt(4, "the pools are not adopted", async (): Promise<Cargo> => {
  const stanzas = [...(await adopted(cargo.whole.uuid, "--as", MOVED)), ...(await adopted(cargo.split.uuid))];
  await machine.start([machine.ownPool(WHOLE), ...stanzas]);
  const whole = new Unpacker(machine, findings, cargo.whole, MOVED);
  const split = new Unpacker(machine, findings, cargo.split, SPLIT);
  for (const each of [whole, split]) await each.verify();
  const then = { ...cargo, whole: await whole.workOn(), split: await split.workOn() };
  for (const each of [whole, split]) await each.release();
  const ours = new Unpacker(machine, findings, own, WHOLE);
  await ours.verify();
  await ours.release();
  await machine.stop();
  return then;
});
await machine.sync();
if (received !== undefined) console.log(`${CARGO}${JSON.stringify(received)}`);
console.log(`${VERDICT}${JSON.stringify(findings.violations)}`);
