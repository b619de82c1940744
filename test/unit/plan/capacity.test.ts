import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CapacityRangeError, NoRoomError } from "../../../src/core/errors.ts";
import { GIB, MIB, bytes, bytesFromBlocks, dataBlocks } from "../../../src/core/units.ts";
import type { Bytes } from "../../../src/core/units.ts";
import {
  DEFAULT_SIZE,
  SIZE_STEP,
  addDemand,
  admit,
  chooseSize,
  headroom,
  volumeDemand,
} from "../../../src/plan/capacity.ts";
import type { Demand, Supply } from "../../../src/plan/capacity.ts";

const BLOCK = bytes(64n * 1024n);
const NOTHING: Demand = { blocks: dataBlocks(0), thins: 0 };

function supply(changes: Partial<Supply> = {}): Supply {
  return {
    blockSize: BLOCK,
    totalData: dataBlocks(16_384),
    usedData: dataBlocks(0),
    metadata: bytes(64n * MIB),
    overprovision: 1,
    ...changes,
  };
}

describe("the size of a volume", () => {
  test.each([
    ["nothing asked gets the default", {}, SIZE_STEP, DEFAULT_SIZE],
    ["nothing asked but a source gets the source's size", {}, 5n * GIB, 5n * GIB],
    ["a limit below the default is met", { limit: bytes(MIB + 1n) }, SIZE_STEP, MIB],
    ["a round size is kept exactly", { required: bytes(10n * GIB) }, SIZE_STEP, 10n * GIB],
    ["an odd size is rounded up to 4 KiB", { required: bytes(4097) }, SIZE_STEP, 8192n],
    ["a small size is raised to the minimum", { required: bytes(1) }, 300n * MIB, 300n * MIB],
    ["exactly the limit is allowed", { required: bytes(8192), limit: bytes(8192) }, SIZE_STEP, 8192n],
  ])("%s", (_title, range, minimum, expected) => {
    expect(chooseSize(range, bytes(minimum), "xfs")).toBe(expected);
  });

  test.each([
    [
      "rounding would pass the limit",
      { required: bytes(4097), limit: bytes(5000) },
      SIZE_STEP,
      /multiples of 4096/,
    ],
    [
      "the minimum would pass the limit",
      { required: bytes(1), limit: bytes(MIB) },
      300n * MIB,
      /xfs needs 300 MiB/,
    ],
    ["no volume can be that large", { required: bytes(2n ** 63n - 1n) }, SIZE_STEP, /more than any volume/],
  ])("refused: %s", (_title, range, minimum, message) => {
    expect(() => chooseSize(range, bytes(minimum), "xfs")).toThrow(CapacityRangeError);
    expect(() => chooseSize(range, bytes(minimum), "xfs")).toThrow(message);
  });

  test("any accepted size is a multiple of 4 KiB between required and limit", () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 50n),
        fc.bigInt(0n, 2n ** 20n),
        fc.bigInt(1n, 2n ** 40n),
        (required, slack, minimum) => {
          const range = { required: bytes(required), limit: bytes(required + slack) };
          let size: Bytes;
          try {
            size = chooseSize(range, bytes(minimum), "minimum");
          } catch (error) {
            expect(error).toBeInstanceOf(CapacityRangeError);
            return;
          }
          expect(size % SIZE_STEP).toBe(0n);
          expect(size >= required && size >= minimum && size <= range.limit).toBe(true);
        },
      ),
    );
  });
});

describe("headroom", () => {
  test.each([
    // 1 GiB, less 64 MiB for what is overwritten until the next commit.
    ["all data but the least reserve, when nothing is promised", supply(), NOTHING, 15_360n],
    [
      "all data but 2 % of a larger pool",
      supply({ totalData: dataBlocks(1_638_400), metadata: bytes(GIB) }),
      NOTHING,
      1_605_632n,
    ],
    [
      "all data but 16 GiB of a huge one",
      supply({ totalData: dataBlocks(2n ** 30n), metadata: bytes(128n * GIB) }),
      NOTHING,
      2n ** 30n - 2n ** 18n,
    ],
    ["seven eighths of a tiny one", supply({ totalData: dataBlocks(4096) }), NOTHING, 3584n],
    ["less what is promised", supply(), { blocks: dataBlocks(15_000), thins: 3 }, 360n],
    ["nothing once all is promised, never less", supply(), { blocks: dataBlocks(20_000), thins: 3 }, 0n],
    ["a multiple of the data where overprovisioned", supply({ overprovision: 2.5 }), NOTHING, 38_400n],
    [
      "nothing where overprovisioned and nearly full of written data",
      supply({ overprovision: 2.5, usedData: dataBlocks(15_000) }),
      NOTHING,
      0n,
    ],
    [
      "what the filesystem below a loop file can give, less an eighth",
      supply({ hostBytes: bytesFromBlocks(dataBlocks(100), BLOCK) }),
      NOTHING,
      88n,
    ],
    // 1 MiB, a tenth in reserve, 8 KiB for one thin, 64 bytes a block.
    ["what the metadata can map", supply({ metadata: bytes(MIB) }), NOTHING, (MIB - MIB / 10n - 8192n) / 64n],
  ])("%s", (_title, has, promised, expected) => {
    expect(headroom(has, promised)).toBe(expected);
  });

  test("a refusal names what bounds the pool", () => {
    const small = supply({ metadata: bytes(MIB) });
    expect(() => admit(small, NOTHING, volumeDemand(bytes(GIB), BLOCK), "volume a")).toThrow(NoRoomError);
    expect(() => admit(small, NOTHING, volumeDemand(bytes(GIB), BLOCK), "volume a")).toThrow(
      /bound by the pool's metadata/,
    );
  });
});

/** dm-thin in miniature: which physical block each thin maps; a write to a shared block takes a new one. */
class Model {
  readonly thins = new Map<number, (number | undefined)[]>();
  #next = 0;

  create(id: number, blocks: number): void {
    this.thins.set(
      id,
      Array.from({ length: blocks }, () => undefined),
    );
  }

  copy(id: number, origin: number, blocks: number): void {
    const from = this.thins.get(origin) ?? [];
    this.thins.set(
      id,
      Array.from({ length: Math.max(blocks, from.length) }, (_, index) => from[index]),
    );
  }

  write(id: number, index: number): void {
    const map = this.thins.get(id);
    if (map === undefined || index >= map.length) return;
    const block = map[index];
    const shared =
      block !== undefined &&
      [...this.thins].some(([other, blocks]) => other !== id && blocks.includes(block));
    if (block === undefined || shared) map[index] = this.#next++;
  }

  mapped(id: number): number {
    return (this.thins.get(id) ?? []).filter((block) => block !== undefined).length;
  }

  get used(): number {
    return new Set([...this.thins.values()].flat().filter((block) => block !== undefined)).size;
  }
}

describe("at overprovision 1.0", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("create" as const), blocks: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant("snapshot" as const), of: fc.nat() }),
    fc.record({ kind: fc.constant("clone" as const), of: fc.nat(), more: fc.nat(3) }),
    fc.record({ kind: fc.constant("grow" as const), of: fc.nat(), more: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant("delete" as const), of: fc.nat() }),
    fc.record({ kind: fc.constant("write" as const), of: fc.nat(), index: fc.nat(14) }),
  );

  test("no accepted sequence of calls, followed by overwriting every volume, fills the pool", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const has = supply({ totalData: dataBlocks(40) });
        const model = new Model();
        const volumes = new Map<number, number>();
        const snapshots = new Map<number, number>();
        let nextId = 1;
        const sizeOf = (blocks: number): Bytes => bytesFromBlocks(dataBlocks(blocks), BLOCK);
        const promised = (): Demand =>
          addDemand(
            NOTHING,
            ...[...volumes.values(), ...snapshots.values()].map((blocks) => ({
              blocks: dataBlocks(blocks),
              thins: 1,
            })),
          );
        const accepts = (blocks: number): boolean => {
          try {
            admit(has, promised(), { ...volumeDemand(sizeOf(blocks), BLOCK), thins: 0 }, "test");
            return true;
          } catch {
            return false;
          }
        };
        const pick = (of: number): number | undefined => {
          const ids = [...volumes.keys(), ...snapshots.keys()];
          return ids[of % Math.max(ids.length, 1)];
        };
        for (const each of operations) {
          const id = nextId++;
          const target = "of" in each ? pick(each.of) : undefined;
          const blocks = target === undefined ? undefined : volumes.get(target);
          if (each.kind === "create" && accepts(each.blocks)) {
            model.create(id, each.blocks);
            volumes.set(id, each.blocks);
          } else if (
            each.kind === "snapshot" &&
            target !== undefined &&
            blocks !== undefined &&
            accepts(model.mapped(target))
          ) {
            model.copy(id, target, 0);
            snapshots.set(id, model.mapped(id));
          } else if (each.kind === "clone" && target !== undefined) {
            const size = (model.thins.get(target)?.length ?? 0) + each.more;
            if (!accepts(size)) continue;
            model.copy(id, target, size);
            volumes.set(id, size);
          } else if (
            each.kind === "grow" &&
            target !== undefined &&
            blocks !== undefined &&
            accepts(each.more)
          ) {
            const map = model.thins.get(target) ?? [];
            while (map.length < blocks + each.more) map.push(undefined);
            volumes.set(target, blocks + each.more);
          } else if (each.kind === "delete" && target !== undefined) {
            model.thins.delete(target);
            volumes.delete(target);
            snapshots.delete(target);
          } else if (each.kind === "write" && target !== undefined && blocks !== undefined) {
            model.write(target, each.index);
          }
        }
        for (const [id, blocks] of volumes)
          for (let index = 0; index < blocks; index++) model.write(id, index);
        expect(model.used).toBeLessThanOrEqual(Number(has.totalData));
      }),
      { numRuns: 500 },
    );
  });
});
