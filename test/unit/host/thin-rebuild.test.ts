import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { thinId } from "../../../src/core/ids.ts";
import { bytes, dataBlocks, KIB } from "../../../src/core/units.ts";
import type { Runner } from "../../../src/host/run.ts";
import { parseThinDetails, repairMetadata, salvage } from "../../../src/host/thin-rebuild.ts";
import { parseThinSuperblock } from "../../../src/host/thin-superblock.ts";
import { fakeRunner } from "../../support/fake-runner.ts";

const HEAD =
  '<superblock uuid="" time="1" transaction="7" version="2" data_block_size="128" nr_data_blocks="16384">';
const device = (id: number, mapped: number): string =>
  `<device dev_id="${id}" mapped_blocks="${mapped}" transaction="0" creation_time="0" snap_time="1">`;
const range = (length: number): string =>
  `    <range_mapping origin_begin="20" data_begin="2500" length="${length}" time="1"/>`;
const SINGLE = '    <single_mapping origin_block="3" data_block="9" time="0"/>';
const dump = (id: number, mapped: number, ...mappings: readonly string[]): string =>
  [HEAD, `  ${device(id, mapped)}`, ...mappings, "  </device>", "</superblock>"].join("\n");

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmthin-rebuild-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** thin_dump gives these texts, others fail; `restored` is what thin_restore got. */
function tools(
  dumps: Readonly<Record<string, string>>,
  restore = 0,
): { runner: Runner; restored: () => string } {
  let got = "";
  const runner: Runner = {
    started: 0,
    holding: () => runner,
    run: async (tool, args) => {
      const done = (exitCode: number) => ({ stdout: "", stderr: "", exitCode });
      if (tool === "thin_restore") {
        got = readFileSync(args[1] ?? "", "utf8");
        return done(restore);
      }
      const text = dumps[args[1] ?? ""];
      // What 1.x does with a node that it cannot read: it begins, and fails.
      writeFileSync(args[3] ?? "", text ?? `${HEAD}\n`);
      return done(text === undefined ? 64 : 0);
    },
  };
  return { runner, restored: () => got };
}

const thins = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([id, mapped]) => ({ thinId: thinId(id), mapped: dataBlocks(mapped) }));
const request = (list: ReturnType<typeof thins>) => ({
  from: "/m",
  to: "/s",
  thins: list,
  workDirectory: directory,
});

describe("a salvage", () => {
  test("takes each thin that can be read, with its own line of the pool once", async () => {
    const { runner, restored } = tools({ 1: dump(1, 51, range(50), SINGLE), 4: dump(4, 0) });
    const saved = await salvage(runner, request(thins([1, 51], [3, 500], [4, 0])));
    expect(saved?.map(({ thinId: id }) => id)).toEqual([1, 4]);
    expect(restored()).toBe(
      [
        HEAD,
        `  ${device(1, 51)}`,
        range(50),
        SINGLE,
        "  </device>",
        `  ${device(4, 0)}`,
        "  </device>",
        "</superblock>",
        "",
      ].join("\n"),
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    ["that has fewer mappings than its tree of devices says", dump(1, 51, range(50))],
    ["that is another", dump(2, 51, range(51))],
    ["that refers to what is not in its text", dump(1, 51, range(51), '<ref name="34"/>')],
  ])("does not take one %s", async (_what, text) => {
    const { runner, restored } = tools({ 1: text });
    expect(await salvage(runner, request(thins([1, 51])))).toBeUndefined();
    expect(restored()).toBe("");
  });

  test("that does not fit saved nothing", async () => {
    const { runner } = tools({ 1: dump(1, 1, SINGLE) }, 64);
    expect(await salvage(runner, request(thins([1, 1])))).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });
});

test("the tree of devices is read without mappings; a line that is none is refused", () => {
  const text = [HEAD, `  ${device(1, 500)}`, "  </device>", `  ${device(16777215, 0)}`, "  </device>"];
  expect(parseThinDetails(text.join("\n"))).toEqual(thins([1, 500], [16777215, 0]));
  expect(() => parseThinDetails('<device dev_id="16777216" mapped_blocks="1"')).toThrow("thin_dump");
  expect(() => parseThinDetails("<device nonsense>")).toThrow("thin_dump");
});

describe("thin_repair", () => {
  const told = "thin_repair --data-block-size 128 --nr-data-blocks 100";

  test("is told what a lost superblock said", async () => {
    const runner = fakeRunner({
      "thin_repair --input /m --output /s": {},
      [`${told} --transaction-id 7 --input /m --output /s`]: {},
      [`${told} --input /m --output /s`]: { exitCode: 64, stderr: "no compatible roots found" },
    });
    const lost = { blockSize: bytes(64n * KIB), dataBlocks: 100n };
    expect(await repairMetadata(runner, { from: "/m", to: "/s" })).toBeUndefined();
    expect(
      await repairMetadata(runner, { from: "/m", to: "/s", lost: { ...lost, transactionId: 7n } }),
    ).toBeUndefined();
    expect(await repairMetadata(runner, { from: "/m", to: "/s", lost })).toBe("no compatible roots found");
  });
});

describe("a superblock", () => {
  const block = (flags: number): Uint8Array => {
    const bytesOf = new Uint8Array(4096);
    const view = new DataView(bytesOf.buffer);
    view.setUint32(4, flags, true);
    view.setBigUint64(32, 27_022_010n, true);
    view.setBigUint64(48, 7n, true);
    return bytesOf;
  };

  test.each([
    [0, false],
    [1, true],
  ])("with flags %i", (flags, needsCheck) => {
    expect(parseThinSuperblock(block(flags))).toEqual({ transactionId: 7n, needsCheck });
  });

  test("is not a block of zeros, nor one cut short", () => {
    expect(parseThinSuperblock(new Uint8Array(4096))).toBeUndefined();
    expect(parseThinSuperblock(block(0).subarray(0, 512))).toBeUndefined();
  });
});
