import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PoolSetupError } from "../../../src/core/errors.ts";
import { isPoolName } from "../../../src/core/ids.ts";
import type { PoolName } from "../../../src/core/ids.ts";
import { bytes, dataBlocks, GIB, KIB, metaBlocks, MIB } from "../../../src/core/units.ts";
import { fillOf } from "../../../src/plan/fill.ts";
import {
  flawOf,
  layoutLoop,
  layoutParts,
  lowWater,
  memberEnd,
  membersOf,
  recommendedMetadata,
} from "../../../src/pool/layout.ts";

const TIB = 1024n * GIB;

const ACTIVE = {
  kind: "active",
  transactionId: 1n,
  usedMeta: metaBlocks(100),
  totalMeta: metaBlocks(1024),
  usedData: dataBlocks(0),
  totalData: dataBlocks(0),
  mode: "rw",
  discard: "discard_passdown",
  whenFull: "error_if_no_space",
  needsCheck: false,
} as const;

const name = ((text: string): PoolName => {
  if (!isPoolName(text)) throw new RangeError(text);
  return text;
})("a");

const parts = { name, data: "/dev/data", metadata: "/dev/meta", blockSize: bytes(64n * KIB) };

describe("the size of the thin metadata", () => {
  test.each([
    ["a small pool gets the least", 10n * GIB, 64n * KIB, 64n * MIB],
    ["32 GiB is where the least ends", 32n * GIB, 64n * KIB, 64n * MIB],
    ["128 B for each block", TIB, 64n * KIB, 2n * GIB],
    ["a step of 4 MiB above", TIB + 1n, 64n * KIB, 2n * GIB + 4n * MIB],
    ["larger blocks need less", TIB, 512n * KIB, 256n * MIB],
    ["the kernel's limit, in whole steps", 100n * TIB, 64n * KIB, 4064n * 4n * MIB],
  ])("%s", (_what, data, blockSize, expected) => {
    expect(recommendedMetadata(bytes(data), bytes(blockSize))).toBe(expected);
  });

  test("never exceeds what the kernel uses: 255 × 16320 blocks of 4 KiB", () => {
    expect(recommendedMetadata(bytes(1n << 60n), bytes(64n * KIB))).toBeLessThanOrEqual(
      255n * 16_320n * 4096n,
    );
  });
});

test.each([
  ["where the first warning is due", 4096n, 819n],
  ["nowhere in a pool of a few blocks", 4n, 0n],
  ["nothing of nothing", 0n, 0n],
])("the low water mark lies %s", (_what, total, expected) => {
  expect(lowWater(dataBlocks(total))).toBe(expected);
  const status = { ...ACTIVE, totalData: dataBlocks(total), usedData: dataBlocks(total - expected) };
  expect(fillOf(status, bytes(64n * KIB)).data.level).toBe(expected === 0n ? 100 : 80);
});

describe("a loop pool", () => {
  test("has each part in a file of its own, behind the label", () => {
    const extents = layoutLoop({ name, dataSize: bytes(10n * GIB + 4096n), blockSize: bytes(64n * KIB) });
    expect(extents).toEqual({
      catalog: { role: "catalog", member: "catalog", offset: MIB, length: 128n * MIB },
      meta: { role: "meta", member: "metadata", offset: MIB, length: 64n * MIB },
      spare: { role: "spare", member: "spare", offset: MIB, length: 64n * MIB },
      data: { role: "data", member: "data", offset: MIB, length: 10n * GIB },
    });
    expect(membersOf(extents)).toEqual(["metadata", "data", "spare", "catalog"]);
    expect(memberEnd(extents, "data")).toBe(10n * GIB + MIB);
  });

  test("without room for one block is refused", () => {
    expect(() => layoutLoop({ name, dataSize: bytes(GIB - 4096n), blockSize: bytes(GIB) })).toThrow(
      /^pool a: dataSize 1023\.9 MiB does not hold one block of 1 GiB/,
    );
  });
});

describe("a pool on given parts", () => {
  test("has catalog, spare and metadata on the metadata device", () => {
    const extents = layoutParts(parts, { metadata: bytes(512n * MIB), data: bytes(4n * GIB) });
    expect(extents).toEqual({
      catalog: { role: "catalog", member: "metadata", offset: MIB, length: 128n * MIB },
      spare: { role: "spare", member: "metadata", offset: 129n * MIB, length: 64n * MIB },
      meta: { role: "meta", member: "metadata", offset: 193n * MIB, length: 64n * MIB },
      data: { role: "data", member: "data", offset: MIB, length: 4n * GIB - MIB },
    });
    expect(membersOf(extents)).toEqual(["metadata", "data"]);
    expect(memberEnd(extents, "metadata")).toBe(257n * MIB);
  });

  test("with a catalog device has only the metadata twice on the other", () => {
    const sizes = { metadata: bytes(129n * MIB), data: bytes(4n * GIB), catalog: bytes(129n * MIB) };
    const extents = layoutParts({ ...parts, catalog: "/dev/cat" }, sizes);
    expect(membersOf(extents)).toEqual(["metadata", "data", "catalog"]);
    expect(extents.catalog).toEqual({ role: "catalog", member: "catalog", offset: MIB, length: 128n * MIB });
    expect(memberEnd(extents, "metadata")).toBe(129n * MIB);
  });

  test("takes the metadata size that is asked for", () => {
    const options = { ...parts, metadataSize: bytes(8n * MIB) };
    const extents = layoutParts(options, { metadata: bytes(145n * MIB), data: bytes(4n * GIB) });
    expect([extents.meta.length, extents.spare.length]).toEqual([8n * MIB, 8n * MIB]);
  });

  test.each([
    [
      "metadata",
      { metadata: 257n * MIB - 512n, data: 4n * GIB },
      /\/dev\/meta .* at least 269484032 bytes \(257 MiB\) for twice 64 MiB of thin metadata and the catalog; or set metadataSize lower/,
    ],
    ["data", { metadata: GIB, data: MIB + 1n }, /\/dev\/data .* at least 1114112 bytes/],
    [
      "catalog",
      { metadata: GIB, data: GIB, catalog: 128n * MIB },
      /\/dev\/cat .* at least 135266304 bytes \(129 MiB\)/,
    ],
  ])("whose %s device is too small is told the least", (_device, raw, message) => {
    const sizes = {
      metadata: bytes(raw.metadata),
      data: bytes(raw.data),
      ...("catalog" in raw ? { catalog: bytes(raw.catalog) } : {}),
    };
    const refused = (): unknown => layoutParts({ ...parts, catalog: "/dev/cat" }, sizes);
    expect(refused).toThrow(PoolSetupError);
    expect(refused).toThrow(message);
  });

  test("is sound for whatever sizes it accepts, and lies inside its devices", () => {
    const size = fc.bigInt(0n, 64n * TIB);
    fc.assert(
      fc.property(size, size, fc.option(size), fc.bigInt(1n, 16_384n), (metadata, data, catalog, steps) => {
        const blockSize = bytes(steps * 64n * KIB);
        const sizes = {
          metadata: bytes(metadata),
          data: bytes(data),
          ...(catalog === null ? {} : { catalog: bytes(catalog) }),
        };
        const extents = attempt(() => layoutParts({ ...parts, blockSize }, sizes));
        fc.pre(extents !== undefined);
        expect(flawOf(extents, blockSize)).toBeUndefined();
        for (const member of membersOf(extents)) {
          expect(memberEnd(extents, member)).toBeLessThanOrEqual(
            new Map<string, bigint>(Object.entries(sizes)).get(member) ?? 0n,
          );
        }
      }),
    );
  });
});

describe("extents read from a disk", () => {
  const good = layoutParts(parts, { metadata: bytes(512n * MIB), data: bytes(4n * GIB) });
  test.each([
    [
      "in the label area",
      { ...good, data: { ...good.data, offset: bytes(0) } },
      "data lies in the label area",
    ],
    [
      "empty",
      { ...good, data: { ...good.data, length: bytes(0) } },
      "data is empty or not a multiple of 64 KiB",
    ],
    [
      "crooked",
      { ...good, meta: { ...good.meta, length: bytes(MIB + 512n) } },
      "meta is empty or not a multiple of 64 KiB",
    ],
    [
      "one in another",
      { ...good, spare: { ...good.spare, offset: bytes(64n * MIB) } },
      "catalog and spare overlap",
    ],
    [
      "of unequal spare",
      { ...good, spare: { ...good.spare, length: bytes(4n * MIB) } },
      "meta and spare differ in size",
    ],
  ])("are refused when %s", (_what, extents, flaw) => {
    expect(flawOf(extents, bytes(64n * KIB))).toBe(flaw);
  });
});

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
