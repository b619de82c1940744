import { describe, expect, test } from "vitest";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../../src/core/units.ts";
import { formatScript } from "../../../../src/host/sfdisk.ts";
import { growDisks, layoutDisks } from "../../../../src/pool/devices/disk-layout.ts";
import { isAsWritten, partitionsOf, strangersIn, tableOf } from "../../../../src/pool/devices/disk-table.ts";
import type { Extents, Member } from "../../../../src/pool/layout.ts";
import { LABEL, OTHER_POOL } from "../../../support/labels.ts";

const fast = "fast" as PoolName;
const size = (mebibytes: number) => bytes(BigInt(mebibytes) * MIB);
const EXTENTS = layoutDisks(
  { name: fast, blockSize: bytes(64n * KIB), metadataSize: size(4) },
  [240, 159].map((each) => ({ path: "", size: size(each) })),
);
const label = { ...LABEL, backing: "devices", extents: EXTENTS } as const;

const shown = (extents: Extents, member: Member, mebibytes: number, name = fast): readonly string[] =>
  partitionsOf(extents, member, size(mebibytes), name).map(
    (each) => `${each.name} ${each.start / MIB}+${each.size / MIB}`,
  );

describe("the partitions of a disk", () => {
  test("are what lies on it, from its label to the second copy of the table", () => {
    expect(shown(EXTENTS, "metadata", 240)).toEqual([
      "dmthin-fast-catalog 1+129",
      "dmthin-fast-metadata 130+4",
      "dmthin-fast-spare 134+4",
      "dmthin-fast-data 138+101",
    ]);
    expect(shown(EXTENTS, "data-1", 159)).toEqual(["dmthin-fast-data 1+157"]);
    expect(shown(EXTENTS, "data-2", 159)).toEqual([]);
  });

  test("never end where data still is: a disk that was cut by a little is refused", () => {
    expect(() => partitionsOf(EXTENTS, "data-1", bytes(159n * MIB - 16n * KIB), fast)).toThrow(
      /^disk data-1 of pool fast: has \d+ bytes, and data on it ends at \d+, .* it was cut; restore it/,
    );
  });

  test("follow growth: the last one becomes longer, new metadata gets its own", () => {
    const { extents } = growDisks(EXTENTS, label.blockSize, { metadataSize: size(8) }, [
      { member: "metadata", size: size(240) },
      { member: "data-1", size: size(200) },
    ]);
    expect(shown(EXTENTS, "data-1", 200)).toEqual(["dmthin-fast-data 1+198"]);
    expect(shown(extents, "data-1", 200)).toEqual([
      "dmthin-fast-data 1+157",
      "dmthin-fast-metadata 158+4",
      "dmthin-fast-spare 162+4",
      "dmthin-fast-data 166+33",
    ]);
  });

  test("have names that GPT has room for", () => {
    const long = "a".repeat(32) as PoolName;
    const names = partitionsOf(EXTENTS, "metadata", size(240), long).map((each) => each.name);
    expect(names[1]).toBe(`dmthin-${"a".repeat(20)}-metadata`);
    expect(Math.max(...names.map((name) => name.length))).toBe(36);
  });
});

describe("a table", () => {
  const wanted = tableOf(label, "metadata", size(240));

  test("is the same each time, with identifiers of its own for each disk and partition", () => {
    expect(formatScript(tableOf(label, "metadata", size(240)))).toBe(formatScript(wanted));
    const other = tableOf(label, "data-1", size(240));
    const ids = [wanted, other].flatMap(({ id, partitions }) =>
      [id].concat(partitions.map((each) => each.id)),
    );
    expect(new Set(ids).size).toBe(7);
    for (const id of ids)
      expect(id).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-8[0-9A-F]{3}-[0-9A-F]{12}$/);
  });

  test("is as written, or not", () => {
    const { partitions } = wanted;
    expect(isAsWritten({ label: "gpt", partitions }, wanted)).toBe(true);
    expect(isAsWritten(undefined, wanted)).toBe(false);
    expect(isAsWritten(undefined, { id: "", partitions: [] })).toBe(true);
    expect(isAsWritten({ label: "dos", partitions }, wanted)).toBe(false);
    expect(isAsWritten({ label: "gpt", partitions: partitions.slice(1) }, wanted)).toBe(false);
    for (const change of [{ name: "x" }, { start: size(2) }, { size: size(2) }]) {
      const changed = partitions.map((each, index) => (index === 3 ? Object.assign({}, each, change) : each));
      expect(isAsWritten({ label: "gpt", partitions: changed }, wanted)).toBe(false);
    }
  });

  test("shows what somebody else has made", () => {
    const own = wanted.partitions;
    const foreign = { name: "home", start: size(500), size: size(1) };
    expect(strangersIn({ label: "gpt", partitions: own }, label)).toEqual([]);
    expect(strangersIn({ label: "gpt", partitions: [...own, foreign] }, label)).toEqual([
      'partition "home" at byte 524288000',
    ]);
    expect(strangersIn({ label: "dos", partitions: [] }, label)).toEqual(["a dos partition table"]);
  });

  test("of a pool that had another name is told by its identifiers", () => {
    const own = wanted.partitions;
    const slow = { ...label, name: "slow" as PoolName };
    expect(strangersIn({ label: "gpt", partitions: own }, slow)).toEqual([]);
    const nameless = own.map(({ name, start, size: length }) => ({ name, start, size: length }));
    expect(strangersIn({ label: "gpt", partitions: nameless }, slow)).toHaveLength(4);
    expect(strangersIn({ label: "gpt", partitions: own }, { ...slow, pool: OTHER_POOL })).toHaveLength(4);
    const moved = own.map((each) => Object.assign({}, each, { start: bytes(each.start + MIB) }));
    expect(strangersIn({ label: "gpt", partitions: moved }, slow)).toHaveLength(4);
  });
});
