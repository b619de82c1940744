import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PoolName, PoolUuid } from "../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../src/core/units.ts";
import { formatLabel, LABEL_BLOCK, readLabel } from "../../../src/pool/label.ts";
import type { Label } from "../../../src/pool/label.ts";
import { EXTENTS, LABEL, OTHER_POOL } from "../../support/labels.ts";

const blank = new Uint8Array(LABEL_BLOCK);
const good = formatLabel(LABEL);
const older = formatLabel({ ...LABEL, sequence: 1, state: "creating" });

/** The same label text with a byte of its checksummed line changed. */
const spoiled = good.with(200, (good[200] ?? 0) ^ 1);

/** Text under a right checksum. */
async function signed(json: string): Promise<Uint8Array> {
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(json))).toString("hex");
  const block = new Uint8Array(LABEL_BLOCK);
  block.set(Buffer.from(`DMTHIN-LABEL\nsha256 ${digest}\n${json}\n`));
  return block;
}

const { role, member, offset } = EXTENTS.data;
const fixedData = { role: fc.constant(role), member: fc.constant(member), offset: fc.constant(offset) };
const fixedExtents = {
  catalog: fc.constant(EXTENTS.catalog),
  spare: fc.constant(EXTENTS.spare),
  meta: fc.constant(EXTENTS.meta),
};

const anyLabel: fc.Arbitrary<Label> = fc.record({
  pool: fc.stringMatching(/^[0-9a-f]{32}$/).map((text) => text as PoolUuid),
  name: fc.stringMatching(/^[a-z0-9]{1,32}$/).map((text) => text as PoolName),
  backing: fc.constantFrom("loop", "parts", "devices"),
  member: fc.constantFrom("metadata", "data", "spare", "catalog"),
  index: fc.nat(100),
  sequence: fc.integer({ min: 1, max: 2 ** 40 }),
  state: fc.constantFrom("creating", "ready"),
  blockSize: fc.constant(bytes(64n * KIB)),
  extents: fc.record({
    ...fixedExtents,
    data: fc.record({
      ...fixedData,
      length: fc.bigInt(1n, 1n << 30n).map((steps) => bytes(steps * 64n * KIB)),
    }),
  }),
});

describe("a label", () => {
  test("comes back as it was written", () => {
    fc.assert(
      fc.property(anyLabel, (label) => {
        const block = formatLabel(label);
        expect(block).toHaveLength(LABEL_BLOCK);
        expect(readLabel([block, block])).toEqual({ kind: "label", label, whole: true });
      }),
    );
  });

  test("lists the pieces of its pool", () => {
    const further = [
      { role: "data", member: "data-1", offset: bytes(2n * MIB), length: bytes(64n * KIB) },
      { role: "data", member: "metadata", offset: bytes(1n << 40n), length: bytes(64n * KIB) },
    ] as const;
    const label: Label = {
      ...LABEL,
      backing: "devices",
      member: "data",
      index: 1,
      extents: { ...EXTENTS, further },
    };
    const block = formatLabel(label);
    expect(readLabel([block, block])).toEqual({ kind: "label", label, whole: true });
    const overlapping = formatLabel({ ...label, extents: { ...EXTENTS, further: [further[0], further[0]] } });
    expect(readLabel([overlapping, overlapping])).toMatchObject({
      kind: "unreadable",
      reason: expect.stringMatching(/data and data overlap/) as string,
    });
    const other = formatLabel({ ...label, index: 2 });
    expect(readLabel([block, other])).toMatchObject({ kind: "unreadable" });
  });

  test("of the longest name fits with room to spare", () => {
    const text = Buffer.from(formatLabel({ ...LABEL, name: "n".repeat(32) as PoolName }));
    expect(text.indexOf(0)).toBeLessThan(LABEL_BLOCK / 2);
  });

  test("can be read by a person: three lines", () => {
    const [magic, sum, json, rest] = Buffer.from(good).toString().split("\n");
    expect(magic).toBe("DMTHIN-LABEL");
    expect(sum).toMatch(/^sha256 [0-9a-f]{64}$/);
    expect(JSON.parse(json ?? "")).toMatchObject({
      version: 1,
      name: "fast",
      state: "ready",
      blockSize: "65536",
    });
    expect(rest).toMatch(/^\0+$/);
  });

  test("never survives a changed byte unnoticed", () => {
    fc.assert(
      fc.property(fc.nat(LABEL_BLOCK - 1), fc.integer({ min: 1, max: 255 }), (position, change) => {
        const changed = good.with(position, (good[position] ?? 0) ^ change);
        expect(readLabel([changed, changed]).kind).not.toBe("label");
      }),
    );
  });

  test("is never thrown at by garbage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: LABEL_BLOCK }), (garbage) => {
        expect(readLabel([garbage, garbage])).toEqual({ kind: "none" });
      }),
    );
  });
});

describe("two copies", () => {
  test.each([
    ["both good", good, good, { kind: "label", label: LABEL, whole: true }],
    ["the first blank", blank, good, { kind: "label", label: LABEL, whole: false }],
    ["the second spoiled", good, spoiled, { kind: "label", label: LABEL, whole: false }],
    ["the first ahead", good, older, { kind: "label", label: LABEL, whole: false }],
    ["the second ahead", older, good, { kind: "label", label: LABEL, whole: false }],
    ["both blank", blank, blank, { kind: "none" }],
    [
      "both spoiled",
      spoiled,
      spoiled,
      { kind: "unreadable", reason: "the checksum of its dmthin label is wrong" },
    ],
    [
      "one spoiled, one blank",
      blank,
      spoiled,
      { kind: "unreadable", reason: "the checksum of its dmthin label is wrong" },
    ],
    [
      "one torn after its first sector",
      good.slice(0, 300),
      blank,
      { kind: "unreadable", reason: "its dmthin label is torn" },
    ],
  ])("%s", (_what, first, second, expected) => {
    expect(readLabel([first, second])).toEqual(expected);
  });

  test("of two pools are of none", () => {
    expect(readLabel([good, formatLabel({ ...LABEL, pool: OTHER_POOL })])).toEqual({
      kind: "unreadable",
      reason: "its two label copies are of different pools or devices",
    });
  });
});

describe("a label with a right checksum", () => {
  const fields = JSON.parse(Buffer.from(good).toString().split("\n")[2] ?? "") as Record<string, unknown>;
  test.each([
    [
      "of a newer version",
      { ...fields, version: 2 },
      /has version 2; this dmthin knows version 1: use a newer one/,
    ],
    ["without a version", { pool: 1 }, /no version/],
    ["with an unknown state", { ...fields, state: "done" }, /malformed at state/],
    ["with a key more", { ...fields, colour: "red" }, /malformed/],
    ["with a pool uuid that is none", { ...fields, pool: "x" }, /malformed at pool/],
    [
      "whose parts overlap",
      { ...fields, extents: { ...EXTENTS, spare: { ...EXTENTS.spare, offset: bytes(64n * MIB) } } },
      /contradictory: catalog and spare overlap/,
    ],
  ])("%s is not trusted", async (_what, content, reason) => {
    const block = await signed(
      JSON.stringify(content, (_key, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
    );
    const reading = readLabel([block, block]);
    expect(reading.kind === "unreadable" && reading.reason).toMatch(reason);
  });

  test("that is not JSON is not trusted", async () => {
    const block = await signed("{");
    expect(readLabel([block, blank]).kind).toBe("unreadable");
  });
});
