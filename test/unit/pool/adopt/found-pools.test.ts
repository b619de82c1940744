import { describe, expect, test } from "vitest";

import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../../src/core/units.ts";
import { poolsOf, uppermost } from "../../../../src/pool/adopt/found-pools.ts";
import type { Find, FoundPool } from "../../../../src/pool/adopt/found-pools.ts";
import { obstaclesOf, placeOfPool, unstablePaths } from "../../../../src/pool/adopt/place.ts";
import { layoutDisks, growDisks } from "../../../../src/pool/devices/disk-layout.ts";
import { layoutLoop } from "../../../../src/pool/layout.ts";
import { find } from "../../../support/finds.ts";
import { OTHER_POOL, POOL } from "../../../support/labels.ts";

const fast = "fast" as PoolName;
const blockSize = bytes(64n * KIB);
const disk = (mebibytes: number) => ({ path: "", size: bytes(BigInt(mebibytes) * MIB) });
const DISKS = layoutDisks({ name: fast, blockSize, metadataSize: bytes(4n * MIB) }, [240, 159].map(disk));
const devices = { backing: "devices", extents: DISKS } as const;
const LOOP = layoutLoop({ name: fast, blockSize, dataSize: bytes(256n * MIB) });

function only(...finds: readonly Find[]): FoundPool {
  const pools = poolsOf(finds);
  expect(pools).toHaveLength(1);
  const [pool] = pools;
  if (pool === undefined) throw new Error("no pool");
  return pool;
}

describe("labels that were found", () => {
  test("are pools, by their uuids and in the order of their names", () => {
    const slow = { pool: OTHER_POOL, name: "a-slow" as PoolName };
    const pools = poolsOf([
      find("sdb", "data"),
      find("sdd", "data", slow),
      find("sda", "metadata"),
      find("sdc", "metadata", slow),
    ]);
    expect(pools.map(({ uuid, name, state }) => [uuid, name, state])).toEqual([
      [OTHER_POOL, "a-slow", "complete"],
      [POOL, "fast", "complete"],
    ]);
    expect(pools[1]?.members.map(({ member, on }) => [member, on[0]?.kernelName])).toEqual([
      ["metadata", "sda"],
      ["data", "sdb"],
    ]);
    expect(poolsOf([])).toEqual([]);
  });

  test("tell what is missing, by the primary one or else by the newest", () => {
    const { extents } = growDisks(DISKS, blockSize, {}, [
      { member: "metadata", size: disk(240).size },
      { member: "data-1", size: disk(159).size },
      { member: "data-2", size: disk(103).size },
    ]);
    const grown = { backing: "devices", extents, sequence: 5 } as const;
    const without = only(find("sdb", "data-1", devices), find("sdc", "data-2", grown));
    expect(without).toMatchObject({ state: "missing", missing: ["metadata"], label: { sequence: 5 } });
    const withFirst = only(find("sda", "metadata", grown), find("sdb", "data-1", devices));
    expect(withFirst).toMatchObject({ state: "missing", missing: ["data-2"] });
    expect(obstaclesOf(withFirst)).toEqual([
      `pool fast (${POOL}): its device data-2 is on no block device of this machine; bring it over, or see why it cannot be read`,
    ]);
  });

  test("of a creation that was cut off are no pool to have", () => {
    const pool = only(find("sda", "metadata", { ...devices, state: "creating", sequence: 1 }));
    expect(pool.state).toBe("half-made");
    expect(obstaclesOf(pool)).toEqual([expect.stringContaining("was never complete")]);
  });

  test("of a disk that had only begun to join are beside the pool", () => {
    const pool = only(
      find("sda", "metadata", devices),
      find("sdc", "data-2", devices),
      find("sdb", "data-1", devices),
    );
    expect(pool.state).toBe("complete");
    expect(pool.others.map(({ kernelName }) => kernelName)).toEqual(["sdc"]);
    expect(placeOfPool(pool)).toEqual({ backing: "devices", devices: ["/dev/sda", "/dev/sdb"] });
  });

  test("that are twice there are copies", () => {
    const pool = only(find("sda", "metadata"), find("sdb", "data"), find("sdc", "data"));
    expect(pool.state).toBe("copied");
    expect(obstaclesOf(pool)).toEqual([
      `pool fast (${POOL}): /dev/sdb and /dev/sdc carry one label, data: one is a copy; take the copy out`,
    ]);
  });

  test("go by the new name where a change of it was cut off", () => {
    const moved = { name: "moved" as PoolName, sequence: 3 };
    const pool = only(find("sdb", "data"), find("sda", "metadata", moved));
    expect(pool).toMatchObject({ name: "moved", state: "complete" });
  });

  test("count once where a device stands on others that show the same", () => {
    const paths = ["sda", "sdb"].map((name) => find(name, "metadata", {}, { holders: ["dm-0"] }));
    const multipath = find("dm-0", "metadata");
    // A pool's own devices stand on it too, and carry no label.
    const data = find("sdc", "data", {}, { holders: ["dm-1", "dm-0"] });
    expect(uppermost([...paths, multipath, data]).map(({ kernelName }) => kernelName)).toEqual([
      "dm-0",
      "sdc",
    ]);
  });
});

describe("a found pool lies", () => {
  test("on parts, with or without a catalog device", () => {
    const pool = only(
      find("sda1", "metadata", {}, { path: "/dev/disk/by-partuuid/1", isStable: true }),
      find("sdb1", "data"),
    );
    expect(placeOfPool(pool)).toEqual({
      backing: "parts",
      metadata: "/dev/disk/by-partuuid/1",
      data: "/dev/sdb1",
    });
    expect(unstablePaths(pool)).toEqual(["/dev/sdb1"]);
    const { extents } = pool.label;
    const own = { extents: { ...extents, catalog: { ...extents.catalog, member: "catalog" } } } as const;
    const three = only(
      find("sda1", "metadata", own),
      find("sdb1", "data", own),
      find("sdc1", "catalog", own),
    );
    expect(placeOfPool(three)).toEqual({
      backing: "parts",
      metadata: "/dev/sda1",
      data: "/dev/sdb1",
      catalog: "/dev/sdc1",
    });
  });

  test("in a directory, where all its files are in one under their names", () => {
    const files = (data: string): FoundPool =>
      only(
        ...(["metadata", "data", "spare", "catalog"] as const).map((member, index) =>
          find(
            `loop${index}`,
            member,
            { backing: "loop", extents: LOOP },
            {
              file: member === "data" ? data : `/pool/${member}.img`,
            },
          ),
        ),
      );
    const pool = files("/pool/data.img");
    expect(placeOfPool(pool)).toEqual({ backing: "loop", directory: "/pool", dataSize: 256n * MIB });
    expect(unstablePaths(pool)).toEqual([]);
    expect(() => placeOfPool(files("/pool/data.img (deleted)"))).toThrow(
      /its data is \/pool\/data\.img \(deleted\), not \/pool\/data\.img/,
    );
  });
});
