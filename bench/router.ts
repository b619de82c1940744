/**
 * The router at scale, by simulation: a router, and nodes in one other process (router/simulated.ts), reached by real gRPC
 * over TCP (router/measure.ts). `node bench/router.ts [NODES [VOLUMES]]`, 1000 and 100000 unless given: measures with a hundredth and a tenth of
 * the nodes and with all, each with its share of volumes; prints a table, and writes it and the figures to
 * bench/out/router.md and router.json.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "./host/machine.ts";
import type { Figures } from "./router/measure.ts";
import { routerTable } from "./router/table.ts";

const [nodes = 1000, volumes = 100_000] = process.argv.slice(2).map(Number);
const date = new Date().toISOString();
const machine = describeMachine();
const each = Math.ceil(volumes / nodes);
const columns = [nodes / 100, nodes / 10, nodes].map(Math.ceil).map((count): Figures => {
  console.error(`${count} nodes with ${each} volumes each`);
  const argv = [join(import.meta.dirname, "router", "measure.ts"), String(count), String(each)];
  const output = execFileSync(process.execPath, argv, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as Figures;
});
const table = routerTable(columns);
console.log(table);
const out = join(import.meta.dirname, "out");
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "router.json"), `${JSON.stringify({ date, machine, columns }, undefined, 1)}\n`);
const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
writeFileSync(
  join(out, "router.md"),
  `# The router, ${date.slice(0, 10)}\n\n${facts.join(", ")}\n\n${table}\n`,
);
