/** In the guest: machine B, to which one disk of each pool has not come. */
import { formatJson } from "../../../src/core/json.ts";
import { Findings } from "../power/findings.ts";
import { settingsOf } from "../power/settings.ts";
import { Machine } from "./machine.ts";
import { SPLIT, STAYS, VERDICT, WHOLE, type CargoSettings } from "./settings.ts";

/** Where the configuration expects what was left behind. */
const left = (pool: string): string => `/dev/disk/by-id/left-of-${pool}`;

const { cargo, ...settings } = settingsOf() as CargoSettings;
const machine = await Machine.boot(settings);
const findings = new Findings();
await machine.start([
  machine.ownPool(STAYS),
  { name: WHOLE, backing: "devices", devices: [machine.node("one"), left(WHOLE)] },
  { name: SPLIT, backing: "parts", metadata: machine.node("metadata"), data: left(SPLIT) },
]);
const status = await machine.status();
for (const name of [WHOLE, SPLIT]) {
  const pool = status.get(name);
  const types = pool?.conditions.map(({ type }) => type).join();
  const isRight = pool?.kind === "absent" && types === "DeviceMissing" && pool.reason.includes(left(name));
  findings.expect(10, isRight, `without a disk pool ${name} is said to be ${formatJson(pool)}`);
}
await machine.stop();

const pools = await machine.foundPools();
for (const [{ uuid }, member] of [
  [cargo.whole, "data-1"],
  [cargo.split, "data"],
] as const) {
  const found = pools.find((each) => each["uuid"] === uuid);
  const isMissing = found?.["state"] === "missing" && JSON.stringify(found["missing"]) === `["${member}"]`;
  findings.expect(10, isMissing, `without its ${member} it is listed as ${JSON.stringify(found)}`);
  for (const words of [[uuid], [uuid, "--as", "other"]]) {
    const { code, stderr, stdout: answer } = await machine.adopt(...words);
    const isRefused =
      code === 1 && answer === "" && stderr.includes(`its device ${member} is on no block device`);
    findings.expect(10, isRefused, `adoption without ${member} ends with ${code}: ${stderr}`);
  }
}
await machine.sync();
console.log(`${VERDICT}${JSON.stringify(findings.violations)}`);
