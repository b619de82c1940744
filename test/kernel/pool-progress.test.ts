/** `dmthin pool check` and `pool repair` of metadata that takes long to read: what they say meanwhile, and where. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { readLabelCopies } from "../../src/pool/label-store.ts";
import { dmthinCommand, MAIN } from "../support/dmthin-command.ts";
import { startDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { UnderDisk } from "../support/under-disk.ts";

const POOL = "vast";
const THINS = 30;
const MAPPINGS = 4000;
const METADATA_MIB = 16;
/** Of the metadata's disk, for each read: lines come every five seconds, the one on a terminal every second. */
const DELAY_MS = { lines: 150, terminal: 40 };
/** A leaf has 16 bytes for each mapping. */
const LEAST_IN_USE_MIB = (THINS * MAPPINGS * 16) / 2 ** 20;

let directory: string;
let metadata: UnderDisk;
const disks: UnderDisk[] = [];

async function disk(name: string, mebibytes: number): Promise<UnderDisk> {
  const made = await UnderDisk.onLoop(`${POOL}-${name}`, mebibytes);
  disks.push(made);
  return made;
}

/** Mappings that no two of follow each other, so that each has an entry of its own. */
async function writeMappings(path: string, dataBlocks: number): Promise<void> {
  await using file = await open(path, "wx");
  const text = [
    `<superblock uuid="" time="0" transaction="1" version="2" data_block_size="128" nr_data_blocks="${dataBlocks}">`,
  ];
  for (let thin = 0; thin < THINS; thin += 1) {
    text.push(
      `<device dev_id="${thin}" mapped_blocks="${MAPPINGS}" transaction="0" creation_time="0" snap_time="0">`,
    );
    for (let block = 0; block < MAPPINGS; block += 1) {
      const data = (block * 1999 + thin) % dataBlocks;
      text.push(`<single_mapping origin_block="${block}" data_block="${data}" time="0"/>`);
    }
    text.push("</device>");
  }
  await file.writeFile(`${text.join("\n")}\n</superblock>\n`);
}

const words = (verb: string): readonly string[] => [
  "pool",
  verb,
  POOL,
  "--config",
  join(directory, "dmthin.yaml"),
];

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "progress-"));
  const [data, catalog] = [await disk("data", 600), await disk("catalog", 160)];
  metadata = await disk("metadata", 48);
  const paths = { data: data.path, metadata: metadata.path, catalog: catalog.path };
  const pool = { name: POOL, backing: "parts", ...paths, metadataSize: `${METADATA_MIB}MiB` };
  await (await startDriver({ directory, pools: [pool] })).stop();
  await takeDown(POOL, [directory]);
  const { reading } = await readLabelCopies(metadata.path);
  if (reading.kind !== "label") throw new Error("the pool has no label");
  const { meta } = reading.label.extents;
  const mappings = join(directory, "mappings.xml");
  await writeMappings(mappings, 8192);
  await metadata.window("vast-window", meta, (path) => run("thin_restore", "-i", mappings, "-o", path));
});

afterAll(async () => {
  await takeDown(POOL, [directory]);
  for (const each of disks) await each.remove();
  await rm(directory, { recursive: true, force: true });
});

const PROGRESS = /thin_check: (\d+) s, ([\d.]+) (KiB|MiB) read, ([\d.]+) MiB of metadata are in use/;

test("where nobody sits at a terminal, lines with what was read go to standard error, and the answer alone to standard output", async () => {
  await metadata.delayReads(DELAY_MS.lines);
  const { code, stdout, stderr } = await dmthinCommand(words("check"));
  // Thins that are in no catalog.
  expect([code, stdout]).toEqual([1, expect.stringContaining("thin 0 is")]);
  expect(stdout).not.toMatch(/ read, /);
  const lines = stderr.trim().split("\n");
  for (const line of lines) expect(line).toMatch(/^dmthin: thin_(?:check|ls): \d+ s, /);
  const told = lines.filter((line) => line.includes("thin_check")).map((line) => PROGRESS.exec(line));
  expect(told.length).toBeGreaterThan(1);
  for (const [index, found] of told.entries()) {
    const [, seconds, read, unit, inUse] = found ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(5 * index);
    expect(Number(inUse)).toBeGreaterThan(LEAST_IN_USE_MIB);
    expect(Number(inUse)).toBeLessThan(METADATA_MIB);
    const mebibytes = unit === "KiB" ? Number(read) / 1024 : Number(read);
    expect(mebibytes).toBeGreaterThan(0);
    // A tool may read a block twice; the whole device it never does.
    expect(mebibytes).toBeLessThan(METADATA_MIB);
  }
  const figures = told.map((found) => `${found?.[2]} ${found?.[3]}`);
  expect(new Set(figures).size).toBe(figures.length);
});

test("on a terminal there is one line, in its place, and none of it is left", async () => {
  await metadata.delayReads(DELAY_MS.terminal);
  const command = [process.execPath, MAIN, ...words("check")].map((word) => `'${word}'`).join(" ");
  const screen = await run(
    "sh",
    "-c",
    'TERM=vt100 script --quiet --return --command "$1" /dev/null || true',
    "-",
    command,
  );
  const states = screen.split("\r\u001B[2K");
  expect(states.filter((state) => PROGRESS.test(state)).length).toBeGreaterThan(3);
  for (const state of states.slice(1, -1)) expect(state).not.toContain("\n");
  expect(states.at(-1)).toMatch(/^checked: all of the metadata/);
});
