import { describe, expect, test } from "vitest";

import type { DmName } from "../../../src/core/ids.ts";
import { Dmsetup } from "../../../src/host/dmsetup.ts";
import {
  checkMetadata,
  listThins,
  parseThinLs,
  parseThinSpace,
  withMetadataSnapshot,
} from "../../../src/host/thin-tools.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { captured, capturedFailure, THIN_TOOLS_CAPTURES } from "../../support/fixtures.ts";

const POOL = "dmthin-t-pool" as DmName;
const BUSY = capturedFailure("dmsetup-1.02.205-linux-7.2", "reserve-twice");

describe.each(THIN_TOOLS_CAPTURES)("%s", (directory) => {
  test("lists thins with mapped blocks and transaction", () => {
    expect(parseThinLs(captured(`${directory}/thin-ls`))).toEqual([
      { thinId: 0, mapped: 0n, transaction: 0n },
      { thinId: 1, mapped: 16283n, transaction: 0n },
      { thinId: 2, mapped: 101n, transaction: 0n },
      { thinId: 3, mapped: 101n, transaction: 7n },
      { thinId: 16777215, mapped: 0n, transaction: 7n },
    ]);
  });

  test("lists what each thin has for itself", () => {
    expect(parseThinSpace(captured(`${directory}/thin-space`))).toEqual([
      { thinId: 0, mapped: 0n, exclusive: 0n },
      { thinId: 1, mapped: 16283n, exclusive: 16283n },
      { thinId: 2, mapped: 101n, exclusive: 0n },
      { thinId: 3, mapped: 101n, exclusive: 0n },
      { thinId: 16777215, mapped: 0n, exclusive: 0n },
    ]);
    expect(() => parseThinSpace("1 2\n")).toThrow(/thin_ls.*exclusive blocks/);
  });

  test("an empty pool has no thins", () => {
    expect(parseThinLs(captured(`${directory}/thin-ls-empty`))).toEqual([]);
  });

  test("sound metadata", async () => {
    const runner = fakeRunner({ "thin_check /m": { stdout: captured(`${directory}/thin-check`) } });
    expect(await checkMetadata(runner, "/m")).toEqual({ kind: "sound" });
  });

  test.each(["superblock", "trees"])("damaged metadata: %s", async (name) => {
    const runner = fakeRunner({ "thin_check /m": capturedFailure(directory, `thin-check-${name}`) });
    expect(await checkMetadata(runner, "/m")).toMatchObject({
      kind: "damaged",
      report: expect.stringMatching(/bad checksum|checksum errors/) as string,
    });
  });

  test("metadata that cannot be reached is not damaged", async () => {
    const runner = fakeRunner({ "thin_check /m": capturedFailure(directory, "thin-check-missing") });
    await expect(checkMetadata(runner, "/m")).rejects.toMatchObject({ kind: "tool" });
  });
});

describe("thin tools", () => {
  test("metadata in use by a pool is not damaged", async () => {
    const runner = fakeRunner({ "thin_check /m": capturedFailure("thin-tools-1.1.0", "thin-check-busy") });
    await expect(checkMetadata(runner, "/m")).rejects.toMatchObject({ kind: "tool", errno: "EBUSY" });
  });

  test("each option of the check is said", async () => {
    const commands = [
      "thin_check --skip-mappings --auto-repair --metadata-snap /m",
      "thin_check --clear-needs-check-flag /m",
    ];
    const runner = fakeRunner(Object.fromEntries(commands.map((command) => [command, {}])));
    await checkMetadata(runner, "/m", { skipMappings: true, autoRepair: true, live: true });
    await checkMetadata(runner, "/m", { clearNeedsCheck: true });
    expect(runner.commands).toEqual(commands);
  });

  test("needs_check is not cleared by a check that skips the mappings", async () => {
    const work = checkMetadata(fakeRunner({}), "/m", { skipMappings: true, clearNeedsCheck: true });
    await expect(work).rejects.toThrow(RangeError);
  });

  test.each([
    ["device details tree\nmapping tree\nCheck of mappings failed", false],
    [
      "device details tree\nmapping tree\ndata space map\nmetadata space map\ndata space map contains leaks",
      true,
    ],
    [
      "examining superblock\nexamining devices tree\nexamining mapping tree\nchecking space map counts\n1 leak",
      true,
    ],
    ["bad checksum in superblock", false],
  ])("damage behind %j leaves the trees sound: %s", async (stdout, treesSound) => {
    const runner = fakeRunner({ "thin_check /m": { stdout, exitCode: 1 } });
    expect(await checkMetadata(runner, "/m")).toMatchObject({ kind: "damaged", treesSound });
  });

  test("live metadata is read through a metadata snapshot", async () => {
    const stdout = captured("thin-tools-1.1.0/thin-ls-live");
    const columns = "--no-headers --format DEV,MAPPED_BLOCKS,TRANSACTION /m";
    const runner = fakeRunner({
      [`thin_ls --metadata-snap ${columns}`]: { stdout },
      [`thin_ls ${columns}`]: {},
    });
    expect(await listThins(runner, "/m", { live: true })).toHaveLength(5);
    expect(await listThins(runner, "/m", { live: false })).toEqual([]);
  });

  test.each(["1 2", "1 2 3 4", "x 2 3", "16777216 0 0", "1 - 3"])("the row %j is refused", (row) => {
    expect(() => parseThinLs(`0 0 0\n${row}\n`)).toThrow("thin_ls");
  });
});

describe("a metadata snapshot", () => {
  const reserve = `dmsetup message ${POOL} 0 reserve_metadata_snap`;
  const release = `dmsetup message ${POOL} 0 release_metadata_snap`;

  test("is held for the work and released after it", async () => {
    const runner = fakeRunner({ [reserve]: {}, [release]: {} });
    const seen = await withMetadataSnapshot(new Dmsetup(runner), POOL, () =>
      Promise.resolve([...runner.commands]),
    );
    expect(seen).toEqual([reserve]);
    expect(runner.commands).toEqual([reserve, release]);
  });

  test("is released when the work fails", async () => {
    const runner = fakeRunner({ [reserve]: {}, [release]: {} });
    const work = withMetadataSnapshot(new Dmsetup(runner), POOL, () => Promise.reject(new Error("no luck")));
    await expect(work).rejects.toThrow("no luck");
    expect(runner.commands).toEqual([reserve, release]);
  });

  test("left by a crash is replaced", async () => {
    const runner = fakeRunner({ [reserve]: [BUSY, {}], [release]: {} });
    await withMetadataSnapshot(new Dmsetup(runner), POOL, () => Promise.resolve());
    expect(runner.commands).toEqual([reserve, release, reserve, release]);
  });
});
