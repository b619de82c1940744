import { describe, expect, test } from "vitest";

import { answer, type View } from "../../../src/commands/answer.ts";
import { plain } from "../../../src/commands/paint.ts";
import type { PoolReport } from "../../../src/core/pool-report.ts";
import { formatReport, parseReport } from "../../../src/monitor/report-json.ts";
import { absentPool, nodeReport, openPool } from "../../support/node-report.ts";
import { snapshotIdOf, volumeIdOf } from "../../support/records.ts";

const said = (view: View, pools: readonly PoolReport[] = [openPool()], json = false) =>
  answer(view, parseReport(formatReport(nodeReport(...pools))), json, plain);

const LOW = openPool({ conditions: [{ type: "DataLow", reason: "its data is filling: 83 %" }] });
const SILENT = openPool({ silence: "no answer within 5 s" });

describe("status", () => {
  test("shows the node and its pools, and ends with 0 while all are well", () => {
    expect(said({ kind: "status" })).toEqual({
      exitCode: 0,
      output: `Node:           worker-3
Driver:         dmthin 1.2.3
Ready:          yes
Device-mapper:  library 1.02.205 (2025-02-27), kernel 4.50.0

POOL  STATE  DATA          METADATA       PROMISED  AVAILABLE  VOLUMES  SNAPSHOTS
fast  ready  0 % of 1 GiB  1 % of 64 MiB  512 MiB   256 MiB    2        1
`,
    });
  });

  test.each([
    ["a condition holds", LOW, "fast: DataLow: its data is filling: 83 %"],
    [
      "the kernel does not answer",
      SILENT,
      "fast: the kernel does not answer (no answer within 5 s); its figures are of 2026-11-27T12:00:00.000Z",
    ],
    ["a pool is not open", absentPool, "slow: not open: no such device; it is tried again in 4 s"],
  ])("says why, and ends with 4, where %s", (_what, pool, line) => {
    const { exitCode, output } = said({ kind: "status" }, [pool]);
    expect(exitCode).toBe(4);
    expect(output.split("\n")).toContain(line);
  });

  test("as JSON is the whole report", () => {
    const { output } = said({ kind: "status" }, [openPool(), absentPool], true);
    expect(parseReport(output)).toEqual(nodeReport(openPool(), absentPool));
  });
});

describe("pools", () => {
  test("are listed, also those that are not open", () => {
    expect(said({ kind: "pool-list" }, [LOW, SILENT, absentPool])).toEqual({
      exitCode: 0,
      output: `POOL  STATE      DATA          METADATA       PROMISED  AVAILABLE  VOLUMES  SNAPSHOTS
fast  DataLow    0 % of 1 GiB  1 % of 64 MiB  512 MiB   256 MiB    2        1
fast  no answer  0 % of 1 GiB  1 % of 64 MiB  512 MiB   256 MiB    2        1
slow  not open   -             -              -         -          -        -
`,
    });
  });

  test("are shown in full", () => {
    const { exitCode, output } = said({ kind: "pool-show", wanted: "fast" });
    const facts = new Map(output.split("\n").map((line) => line.split(/:\s+/, 2) as [string, string]));
    expect(exitCode).toBe(0);
    expect(Object.fromEntries(facts)).toMatchObject({
      Pool: "fast",
      State: "ready",
      "Pool device": "dmthin-fast-pool",
      "Block size": "64 KiB",
      "Data device": "/dev/data",
      "Metadata device": "/dev/meta",
      "Catalog device": "/dev/meta (with the metadata)",
      "Data space total": "1 GiB",
      "Metadata space used": "1 MiB",
      "Metadata space available": "63 MiB",
      "Held metadata root": "block 12",
      "Transaction id": "7",
      "Volume size unless asked": "1 GiB",
      "Library version": "1.02.205 (2025-02-27)",
    });
  });

  test("that are not open are shown with their trouble", () => {
    const { output } = said({ kind: "pool-show", wanted: "slow" }, [absentPool]);
    expect(output).toBe(`Pool:           slow
State:          not open
Trouble:        not open: no such device; it is tried again in 4 s
Trouble:        DeviceMissing: no such device
Backing:        loop
Data file:      /pools/slow/data.img
Metadata file:  /pools/slow/metadata.img
`);
  });

  test("that are left out of the configuration are told, which is no trouble", () => {
    const pools = [openPool({ leftOut: true }), LOW];
    expect(said({ kind: "pool-show", wanted: "fast" }, pools).output).toMatch(
      /^Note: +left out of the configuration; it is kept until the driver is started again$/m,
    );
    const { exitCode, output } = said({ kind: "status" }, [openPool({ leftOut: true })]);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^fast: left out of the configuration; /m);
    expect(said({ kind: "status" }, [openPool()]).output).not.toContain("left out");
  });

  test("that are not there end with 3, and the others are named", () => {
    expect(said({ kind: "pool-show", wanted: "last" })).toEqual({
      exitCode: 3,
      output: "",
      complaint: "no pool is named last; there are fast",
    });
  });
});

describe("volumes", () => {
  test("are listed", () => {
    const { exitCode, output } = said({ kind: "volume-list" });
    expect(exitCode).toBe(0);
    expect(output.split("\n")).toEqual([
      "POOL  NAME      STATE  SIZE   MAPPED  CONTENT    STAGED  ID",
      `fast  volume-1  ready  1 GiB  -       ? (blank)  yes     ${volumeIdOf(1)}`,
      `fast  volume-2  ready  2 GiB  10 MiB  ? (blank)  no      ${volumeIdOf(2)}`,
      "",
    ]);
  });

  test("as JSON have their pool and sizes as text", () => {
    const { output } = said({ kind: "volume-list" }, [openPool()], true);
    expect(JSON.parse(output)).toMatchObject([
      { pool: "fast", id: volumeIdOf(1), size: "1073741824", stagingPath: "/kubelet/1" },
      { pool: "fast", id: volumeIdOf(2), mapped: "10485760" },
    ]);
  });

  test("of a pool that is not open are missed, which is said", () => {
    expect(said({ kind: "volume-list" }, [openPool(), absentPool])).toMatchObject({
      exitCode: 4,
      complaint: "not listed, as these pools are not open: slow (no such device; it is tried again in 4 s)",
    });
  });

  test.each([volumeIdOf(2), "volume-2"])("are found as %s", (wanted) => {
    const { exitCode, output } = said({ kind: "volume-show", wanted });
    expect(exitCode).toBe(0);
    expect(output).toContain(`Volume:               ${volumeIdOf(2)}\n`);
    expect(output).toContain(`Made from:            snapshot ${snapshotIdOf(3)}\n`);
    expect(output).toContain("Size:                 2 GiB (2147483648 bytes)\n");
  });

  test("that no pool has end with 3; with 2 while a pool is not open that may have it", () => {
    expect(said({ kind: "volume-show", wanted: "v-1" })).toEqual({
      exitCode: 3,
      output: "",
      complaint: "no volume has the id or name v-1",
    });
    expect(said({ kind: "volume-show", wanted: "v-1" }, [openPool(), absentPool])).toMatchObject({
      exitCode: 2,
      output: "",
    });
  });
});

describe("snapshots", () => {
  test("are listed with their source", () => {
    const { output } = said({ kind: "snapshot-list" });
    expect(output.split("\n")[1]).toBe(
      `fast  snapshot-3  ready  1 GiB  10 MiB  2026-01-02T03:04:05.000Z  ${volumeIdOf(1)}  ${snapshotIdOf(3)}`,
    );
  });

  test("are shown", () => {
    const { exitCode, output } = said({ kind: "snapshot-show", wanted: "snapshot-3" });
    expect(exitCode).toBe(0);
    expect(output).toContain("Mapped at the cut:  10 MiB\n");
    expect(said({ kind: "snapshot-show", wanted: "none" })).toMatchObject({ exitCode: 3 });
  });
});
