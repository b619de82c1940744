import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PoolSetupError } from "../../../../src/core/errors.ts";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, GIB, KIB, MIB } from "../../../../src/core/units.ts";
import type { Bytes } from "../../../../src/core/units.ts";
import { growDisks, layoutDisks, usableEnd } from "../../../../src/pool/devices/disk-layout.ts";
import type { SizedDisk } from "../../../../src/pool/devices/disk-layout.ts";
import { formatLabel } from "../../../../src/pool/label.ts";
import { extent, flawOf, lengthOf, memberEnd, membersOf, runsOf } from "../../../../src/pool/layout.ts";
import type { Extents, Member } from "../../../../src/pool/layout.ts";
import { runsIn } from "../../../support/disk-extents.ts";
import { LABEL } from "../../../support/labels.ts";

const blockSize = bytes(64n * KIB);
const options = { name: "fast" as PoolName, blockSize, metadataSize: bytes(4n * MIB) };
const disks = (...mebibytes: readonly number[]) =>
  mebibytes.map((size, index) => ({ path: `devices[${index}]`, size: bytes(BigInt(size) * MIB) }));
const sized = (sizes: Readonly<Partial<Record<Member, number>>>): readonly SizedDisk[] =>
  Object.entries(sizes).map(([member, size = 0]) => ({
    member: member as Member,
    size: bytes(BigInt(size) * MIB),
  }));

const TWO = layoutDisks(options, disks(240, 159));

describe("a new pool on disks", () => {
  test("has catalog, metadata and spare on the first, and data on all", () => {
    expect(runsIn(TWO)).toEqual([
      "catalog metadata 2+128",
      "meta metadata 130+4",
      "spare metadata 134+4",
      "data metadata 139+100",
      "data data-1 2+156",
    ]);
    expect([lengthOf(TWO, "data"), membersOf(TWO)]).toEqual([256n * MIB, ["metadata", "data-1"]]);
  });

  test("has metadata for the data of all disks", () => {
    const { metadataSize: _none, ...rest } = options;
    const extents = layoutDisks(rest, disks(200_000, 400_000));
    expect(extents.meta.length / MIB).toBe(1172n);
  });

  test.each<readonly [what: string, sizes: readonly number[], problem: RegExp]>([
    [
      "a first disk without room for data",
      [139],
      /devices\[0\] has 139 MiB; it needs at least 147849216 bytes \(141 MiB\)/,
    ],
    ["a tiny first disk", [1], /devices\[0\] has 1 MiB/],
    ["another without room for data", [240, 3], /devices\[1\] has 3 MiB; it needs at least 4194304 bytes/],
  ])("is not made on %s", (_what, sizes, problem) => {
    const layout = (): Extents => layoutDisks(options, disks(...sizes));
    expect(layout).toThrow(PoolSetupError);
    expect(layout).toThrow(problem);
  });
});

test("a pool of which all is held back is not made, and the cure is said", () => {
  const reserve = { bytes: bytes(100n * MIB) };
  expect(() => layoutDisks({ ...options, reserve }, disks(240))).toThrow(
    /devices\[0\] has 240 MiB; it needs at least 252706816 bytes .* or set metadataSize lower or set reserve lower/,
  );
  expect(() => layoutDisks({ ...options, reserve }, disks(400, 100))).toThrow(
    /devices\[1\] has 100 MiB; it needs at least 109051904 bytes \(104 MiB\) or set reserve lower/,
  );
});

describe("a pool on disks grows", () => {
  const grow = (
    now: Extents,
    wish: Parameters<typeof growDisks>[2],
    sizes: Readonly<Partial<Record<Member, number>>>,
  ) => {
    const { extents, refusals } = growDisks(now, blockSize, wish, sized(sizes));
    return [runsIn(extents).slice(3), refusals];
  };
  const same = { metadataSize: bytes(4n * MIB) };

  test("not at all while its disks are as they were", () => {
    expect(growDisks(TWO, blockSize, same, sized({ metadata: 240, "data-1": 159 }))).toEqual({
      extents: TWO,
      refusals: [],
    });
  });

  test("by a disk that joins", () => {
    expect(grow(TWO, same, { metadata: 240, "data-1": 159, "data-2": 103 })).toEqual([
      ["data metadata 139+100", "data data-1 2+156", "data data-2 2+100"],
      [],
    ]);
  });

  test("by the last disk, in one piece, and by one before it, in a piece behind all", () => {
    expect(grow(TWO, same, { metadata: 240, "data-1": 200 })[0]).toEqual([
      "data metadata 139+100",
      "data data-1 2+197",
    ]);
    const once = growDisks(TWO, blockSize, same, sized({ metadata: 300, "data-1": 159 })).extents;
    expect(runsIn(once).slice(3)).toEqual([
      "data metadata 139+100",
      "data data-1 2+156",
      "data metadata 239+60",
    ]);
    expect(grow(once, same, { metadata: 310, "data-1": 160 })[0]).toEqual([
      "data metadata 139+100",
      "data data-1 2+156",
      "data metadata 239+70",
      "data data-1 158+1",
    ]);
  });

  test("its metadata and spare where there is room for both, before the data there", () => {
    expect(
      grow(TWO, { metadataSize: bytes(12n * MIB) }, { metadata: 240, "data-1": 170, "data-2": 119 }),
    ).toEqual([
      [
        "data metadata 139+100",
        "data data-1 2+167",
        "meta data-2 2+8",
        "spare data-2 10+8",
        "data data-2 19+99",
      ],
      [],
    ]);
    const [runs, refusals] = grow(TWO, { metadataSize: bytes(64n * MIB) }, { metadata: 240, "data-1": 159 });
    expect(runs).toEqual(["data metadata 139+100", "data data-1 2+156"]);
    expect(refusals).toEqual([
      "the thin metadata should have 64 MiB: no disk has 120 MiB free for the rest and its spare; add a disk to devices",
    ]);
  });

  test("into what was held back from data, when that is set lower; its metadata before that", () => {
    const held = layoutDisks({ ...options, reserve: { percent: 10 } }, disks(240, 159));
    expect(runsIn(held).slice(3)).toEqual(["data metadata 139+76", "data data-1 2+140.0625"]);
    const reserve = { percent: 10 };
    expect(grow(held, { ...same, reserve }, { metadata: 240, "data-1": 159 })).toEqual([
      ["data metadata 139+76", "data data-1 2+140.0625"],
      [],
    ]);
    expect(grow(held, { metadataSize: bytes(12n * MIB), reserve }, { metadata: 240, "data-1": 159 })).toEqual(
      [["data metadata 139+76", "data data-1 2+140.0625", "meta metadata 215+8", "spare metadata 223+8"], []],
    );
    expect(
      grow(held, { ...same, reserve: { bytes: bytes(10n * MIB) } }, { metadata: 240, "data-1": 159 }),
    ).toEqual([["data metadata 139+76", "data data-1 2+146", "data metadata 215+14"], []]);
    expect(grow(held, same, { metadata: 240, "data-1": 159 })[0]).toEqual([
      "data metadata 139+76",
      "data data-1 2+156",
      "data metadata 215+24",
    ]);
  });

  test("never shrinks", () => {
    expect(grow(TWO, { metadataSize: bytes(0) }, { metadata: 100, "data-1": 159 })).toEqual([
      ["data metadata 139+100", "data data-1 2+156"],
      ["metadataSize 0 B has no effect: the pool has 4 MiB and never shrinks"],
    ]);
  });

  test("not into more pieces than a label holds", () => {
    let now = TWO;
    let [first, second] = [240, 159];
    for (let round = 0; round < 40; round += 1) {
      [first, second] = [first + 1, second + 1];
      const growth = growDisks(now, blockSize, same, sized({ metadata: first, "data-1": second }));
      if (growth.refusals.length > 0) {
        expect(growth).toEqual({
          extents: now,
          refusals: ["its data would lie in more than 32 pieces; make another pool"],
        });
        break;
      }
      now = growth.extents;
    }
    expect(now.further).toHaveLength(32);
    const far = bytes(1n << 45n);
    const largest = {
      ...now,
      further: (now.further ?? []).map(({ role }) => extent(role, "data-15", far, far)),
    };
    expect(formatLabel({ ...LABEL, name: "a".repeat(32) as PoolName, extents: largest })).toHaveLength(4096);
  });
});

test("whatever the disks: what is laid out and grown is sound, inside the disks, and moves nothing", () => {
  const size = fc.bigInt(0n, 3000n * MIB).map((each) => bytes(each));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(size, size), { minLength: 1, maxLength: 4 }),
      fc.array(size, { maxLength: 3 }),
      fc.bigInt(1n, 16_384n),
      fc.option(fc.bigInt(1n, 64n)),
      fc.tuple(fc.nat(90), fc.nat(90)),
      (pairs, joining, steps, more, [held, heldLater]) => {
        const block = bytes(steps * 64n * KIB);
        const before = attempt(() =>
          layoutDisks(
            { ...options, blockSize: block, reserve: { percent: held } },
            pairs.map(([each], index) => ({ path: `${index}`, size: each })),
          ),
        );
        fc.pre(before !== undefined);
        expect(flawOf(before, block)).toBeUndefined();
        const later: readonly SizedDisk[] = [
          ...pairs.map(([each, plus], index) => ({ member: nth(index), size: bytes(each + plus) })),
          ...joining.map((each, index) => ({ member: nth(pairs.length + index), size: each })),
        ];
        const reserve = { percent: heldLater };
        const wish = more === null ? { reserve } : { reserve, metadataSize: bytes(more * 4n * MIB) };
        const { extents } = growDisks(before, block, wish, later);
        expect(flawOf(extents, block)).toBeUndefined();
        for (const { member, size: now } of later)
          if (membersOf(extents).includes(member))
            expect(memberEnd(extents, member)).toBeLessThanOrEqual(usableEnd(now));
        for (const [index, run] of runsOf(before).entries()) {
          const then = runsOf(extents)[index];
          expect(then).toMatchObject({ role: run.role, member: run.member, offset: run.offset });
          expect(then?.length).toBeGreaterThanOrEqual(run.length);
        }
      },
    ),
  );
});

const nth = (index: number): Member => (index === 0 ? "metadata" : `data-${index}`);

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PoolSetupError) return undefined;
    throw error;
  }
}

test("the last MiB of a disk is never used, nor what is no whole MiB", () => {
  const ends = [0n, 5n, MIB, 10n * MIB, 10n * MIB + 512n, GIB].map((size): Bytes => usableEnd(bytes(size)));
  expect(ends).toEqual([0n, 0n, 0n, 9n * MIB, 9n * MIB, GIB - MIB]);
});
