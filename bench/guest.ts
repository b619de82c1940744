/**
 * The part of `make bench` that needs dm-thin: `guest.ts RESULT ROW…` measures these rows and writes what it found to
 * RESULT, as it goes. Ends with 1 if one of them could not be measured.
 */
import { renameSync, writeFileSync } from "node:fs";

import { CATALOGUE } from "./model/catalogue.ts";
import { failed, type Finding, judged, type Row } from "./model/row.ts";
import { MEASURES } from "./rows/index.ts";
import { blank } from "./sides/blank.ts";
import { describeMachine, groundOf } from "./host/machine.ts";
import { bringTools, KERNEL_TOOLS } from "./host/tools.ts";

const [result, ...ids] = process.argv.slice(2);
if (result === undefined) throw new Error("usage: guest.ts RESULT ROW...");
bringTools(KERNEL_TOOLS);
const disks = (process.env["DMTHIN_DISKS"] ?? "").split(" ").filter((disk) => disk !== "");
const wanted = new Set(ids);
const where = groundOf();
const rows: Row[] = [];
const elapsed = (): string => `${(performance.now() / 1000).toFixed(0)} s`;

function write(path: string): void {
  writeFileSync(`${path}.new`, JSON.stringify({ kernel: describeMachine(), rows }, undefined, 1));
  renameSync(`${path}.new`, path);
}

for (const { name, rows: all } of CATALOGUE) {
  const mine = all.filter(({ id }) => wanted.has(id));
  const measure = MEASURES[name];
  if (mine.length === 0 || measure === undefined) continue;
  const say = (line: string): void => console.error(`bench: ${elapsed()} ${name}: ${line}`);
  const findings = new Map<string, Finding>();
  let problem = "the measurement yielded no such figure";
  try {
    for (const disk of disks) await blank(disk);
    await measure({
      disks,
      wanted: new Set(mine.map(({ id }) => id)),
      say,
      found: (id, finding) => findings.set(id, finding),
    });
  } catch (error) {
    problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`failed: ${problem}`);
  }
  for (const facts of mine) {
    const finding = findings.get(facts.id);
    rows.push(finding === undefined ? failed(facts, where, problem) : judged(facts, where, finding));
  }
  say("done");
  write(result);
}
write(result);
process.exit(rows.some(({ failure }) => failure !== undefined) ? 1 : 0);
