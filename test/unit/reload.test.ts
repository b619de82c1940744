import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readConfig } from "../../src/config.ts";
import type { PoolOptions, PoolsChange, PoolStanding } from "../../src/core/pool-options.ts";
import { GIB } from "../../src/core/units.ts";
import { followConfiguration, type Following } from "../../src/reload.ts";

const SURROUNDINGS = { nodeName: "node-1", endpoint: "unix:///run/csi.sock" };
const text = (dataSize: string, more = ""): string =>
  `pools: [{name: a, backing: loop, directory: /pool/a, dataSize: ${dataSize}}]\n${more}\n`;

let directory: string;
let followed: Following | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reload-"));
});
afterEach(() => {
  followed?.stop();
  rmSync(directory, { recursive: true });
});

/** `taken`: when open pools have taken over what they can. */
async function following(path: string, taken: Promise<void> = Promise.resolve()) {
  const applied: (readonly PoolOptions[])[] = [];
  const changes: PoolsChange[] = [];
  const standings = new Map<string, PoolStanding>();
  const reports: string[] = [];
  const read = () => readConfig(path, SURROUNDINGS);
  followed = followConfiguration({
    path,
    config: await read(),
    read,
    standing: (name) => standings.get(name) ?? { kind: "had", disks: [] },
    apply: async (change) => {
      changes.push(change);
      applied.push(change.pools);
      await taken;
    },
    report: (level, message) => reports.push(`${level}: ${message}`),
  });
  return { applied, changes, reports, standings, tryEnded: () => followed?.tryEnded() };
}

const PATIENCE = { timeout: 5000 };

describe("a file", () => {
  test("written in place is taken over, once for each change", async () => {
    const path = join(directory, "dmthin.yaml");
    writeFileSync(path, text("10GiB"));
    const { applied } = await following(path);
    writeFileSync(path, text("20GiB"));
    await expect.poll(() => applied, PATIENCE).toMatchObject([[{ name: "a", dataSize: 20n * GIB }]]);
    writeFileSync(path, text("20GiB", "# a comment"));
    writeFileSync(path, text("30GiB"));
    await expect.poll(() => applied.at(-1), PATIENCE).toMatchObject([{ dataSize: 30n * GIB }]);
    expect(applied).toHaveLength(2);
  });

  test("in a directory that is never quiet is seen all the same, and others there are not", async () => {
    const path = join(directory, "dmthin.yaml");
    writeFileSync(path, text("10GiB"));
    const { applied, reports } = await following(path);
    const noise = setInterval(() => writeFileSync(join(directory, "driver.log"), "a line\n"), 20);
    try {
      writeFileSync(`${path}.new`, text("20GiB"));
      renameSync(`${path}.new`, path);
      await expect.poll(() => applied, PATIENCE).toHaveLength(1);
    } finally {
      clearInterval(noise);
    }
    expect(reports).toEqual([`info: ${path}: taken over for pool a`]);
  });

  test("that is not valid changes nothing and is told once; the next good one counts", async () => {
    const path = join(directory, "dmthin.yaml");
    writeFileSync(path, text("10GiB"));
    const { applied, reports } = await following(path);
    writeFileSync(path, text("much"));
    await expect
      .poll(() => reports.join("\n"), PATIENCE)
      .toMatch(/^error: .*not taken over.*pools\[0\]\.dataSize: must be a size/s);
    process.emit("SIGHUP");
    writeFileSync(path, text("20GiB"));
    await expect.poll(() => applied, PATIENCE).toHaveLength(1);
    expect(reports.filter((line) => line.startsWith("error"))).toHaveLength(1);
  });
});

test("a ConfigMap, whose files are links into a directory that is exchanged as a whole", async () => {
  const version = (name: string, dataSize: string): void => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "config.yaml"), text(dataSize));
    symlinkSync(name, join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  version("..2026_1", "10GiB");
  symlinkSync("..data/config.yaml", join(directory, "config.yaml"));
  const { applied } = await following(join(directory, "config.yaml"));
  version("..2026_2", "20GiB");
  await expect.poll(() => applied, PATIENCE).toMatchObject([[{ dataSize: 20n * GIB }]]);
});

test("SIGHUP has all pools look again, also where the file is as it was", async () => {
  const path = join(directory, "dmthin.yaml");
  writeFileSync(path, text("10GiB"));
  const { applied } = await following(path);
  process.emit("SIGHUP");
  await expect.poll(() => applied, PATIENCE).toMatchObject([[{ name: "a" }]]);
});

test("a pool that never answers keeps no later configuration from the others", async () => {
  const path = join(directory, "dmthin.yaml");
  writeFileSync(path, text("10GiB"));
  const { applied } = await following(path, new Promise(() => {}));
  process.emit("SIGHUP");
  await expect.poll(() => applied, PATIENCE).toHaveLength(1);
  writeFileSync(path, text("20GiB"));
  await expect
    .poll(() => applied, PATIENCE)
    .toMatchObject([[{ dataSize: 10n * GIB }], [{ dataSize: 20n * GIB }]]);
});

const two = (second: string): string =>
  `pools: [{name: a, backing: loop, directory: /pool/a, dataSize: 10GiB}, ${second}]\ndefaultPool: a\n`;
const loopB = (place: string): string => `{name: b, backing: loop, directory: ${place}, dataSize: 1GiB}`;

test("a pool that comes, goes and comes back", async () => {
  const path = join(directory, "dmthin.yaml");
  writeFileSync(path, text("10GiB", "defaultPool: a"));
  const { changes, reports } = await following(path);
  writeFileSync(path, two(loopB("/pool/b")));
  await expect.poll(() => changes, PATIENCE).toMatchObject([{ pools: [{ name: "b" }], leftOut: [] }]);
  expect(reports).toEqual([`info: ${path}: there is a new pool b`]);
  writeFileSync(path, text("10GiB", "defaultPool: a"));
  await expect.poll(() => changes.at(-1), PATIENCE).toMatchObject({ pools: [], leftOut: ["b"] });
  writeFileSync(path, two(loopB("/pool/b")));
  await expect.poll(() => changes.at(-1), PATIENCE).toMatchObject({ pools: [], leftOut: [] });
  expect(changes).toHaveLength(3);
});

test("what has to wait for a try to end is decided when it has", async () => {
  const path = join(directory, "dmthin.yaml");
  writeFileSync(path, two(loopB("/pool/mistyped")));
  const { changes, reports, standings, tryEnded } = await following(path);
  standings.set("b", { kind: "trying" });
  writeFileSync(path, two(loopB("/pool/b")));
  await expect.poll(() => reports.join("\n"), PATIENCE).toMatch(/pools\[1\]\.directory: counts when the try/);
  expect(changes).toEqual([]);
  standings.set("b", { kind: "not-had" });
  tryEnded();
  await expect.poll(() => changes, PATIENCE).toMatchObject([{ pools: [{ directory: "/pool/b" }] }]);
  // Nothing waits any more.
  tryEnded();
  standings.set("b", { kind: "trying" });
  tryEnded();
  writeFileSync(path, `${two(loopB("/pool/b"))}# a comment\n`);
  process.emit("SIGHUP");
  await expect.poll(() => changes, PATIENCE).toHaveLength(2);
  expect(changes.at(-1)?.pools).toHaveLength(2);
});
