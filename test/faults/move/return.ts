/** In the guest: machine A again, with the configuration that it had, when its disks come back from B. */
import { formatJson } from "../../../src/core/json.ts";
import { Findings } from "../power/findings.ts";
import { settingsOf } from "../power/settings.ts";
import { Unpacker } from "./cargo.ts";
import { Machine } from "./machine.ts";
import { MOVED, SPLIT, STAYS, VERDICT, WHOLE, type CargoSettings } from "./settings.ts";

const { cargo, ...settings } = settingsOf() as CargoSettings;
const machine = await Machine.boot(settings);
const findings = new Findings();
const pools = machine.configuredPools();
await machine.start(pools);
const status = await machine.status();
for (const name of [SPLIT, STAYS])
  findings.expect(4, status.get(name)?.kind === "open", `pool ${name} is ${formatJson(status.get(name))}`);
const refused = status.get(WHOLE);
const isClear =
  refused?.kind === "absent" && refused.reason.includes(`belongs to pool ${MOVED} (${cargo.whole.uuid})`);
findings.expect(10, isClear, `a pool that was renamed elsewhere is said to be ${formatJson(refused)}`);
const { code, stderr } = await machine.adopt(cargo.whole.uuid);
const isMisnamed =
  code === 1 && stderr.includes(`are configured here as pool ${WHOLE}, and their labels say ${MOVED}`);
findings.expect(10, isMisnamed, `its adoption ends with ${code}: ${stderr}`);

await findings.attempt(4, "they do not open", async () => {
  await machine.stop();
  const others = pools.filter((pool) => pool["name"] !== WHOLE);
  await machine.start([...others, { ...pools.find((pool) => pool["name"] === WHOLE), name: MOVED }]);
  for (const [packed, name] of [
    [cargo.whole, MOVED],
    [cargo.split, SPLIT],
    [cargo.stays, STAYS],
  ] as const) {
    const unpacker = new Unpacker(machine, findings, packed, name);
    // The others were restored on B.
    await unpacker.verify(packed.snapshots.slice(-1));
    await unpacker.release();
  }
  await machine.stop();
});
console.log(`${VERDICT}${JSON.stringify(findings.violations)}`);
