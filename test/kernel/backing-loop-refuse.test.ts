import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PoolSetupError } from "../../src/core/errors.ts";
import { MIB } from "../../src/core/units.ts";
import { madeDirectory, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

describe("a directory for a loop pool", () => {
  const pool = (name: string): string => join(bench.scratch, name);
  test.each<readonly [what: string, directory: () => string, problem: RegExp]>([
    ["on tmpfs", () => "/dev/shm/pool", /is on tmpfs, which cannot carry a pool/],
    [
      "with other files",
      () => {
        writeFileSync(join(madeDirectory(pool("used")), "diary.txt"), "");
        return pool("used");
      },
      /holds other files \(diary\.txt\); give the pool a directory of its own/,
    ],
    [
      "writable for others",
      () => (madeDirectory(pool("open")), sh("chmod", "777", pool("open")), pool("open")),
      /make it root's, mode 0700/,
    ],
    ["that is a file", () => (writeFileSync(pool("file"), ""), pool("file")), /is not a directory/],
    [
      "that is a link",
      () => (sh("ln", "-s", madeDirectory(pool("there")), pool("link")), pool("link")),
      /links are not followed/,
    ],
    [
      "with a data file of somebody",
      () => {
        writeFileSync(join(madeDirectory(pool("theirs")), "data.img"), "precious");
        return pool("theirs");
      },
      /data\.img: holds no dmthin label/,
    ],
    [
      "without room",
      () => {
        const disk = bench.disk(64n * MIB);
        sh("mkfs.ext4", "-q", disk);
        sh("mount", disk, madeDirectory(join(bench.stateDirectory, "small")));
        return join(bench.stateDirectory, "small", "pool");
      },
      /MiB free; catalog, metadata and spare need 155 MiB/,
    ],
  ])("%s is refused, and nothing is made there", async (_what, directory, problem) => {
    const path = directory();
    const before = sh("bash", "-c", 'find "$1" 2>/dev/null || true', "-", path);
    const attempt = bench.open(bench.loop({ directory: path }));
    await expect(attempt).rejects.toThrow(PoolSetupError);
    await expect(attempt).rejects.toThrow(problem);
    expect(sh("bash", "-c", 'find "$1" 2>/dev/null || true', "-", path)).toBe(before);
  });

  test("of a complete pool, with files cut, lost, wiped or exchanged, is refused", async () => {
    const options = bench.loop();
    await bench.made(options);
    const { directory } = options;
    const cases: readonly (readonly [command: string, undo: string, problem: RegExp])[] = [
      [
        "truncate -s 100M data.img",
        "truncate -s 257M data.img",
        /data\.img: has 100 MiB .* it was cut; restore it/,
      ],
      [
        "mv data.img ../away",
        "mv ../away data.img",
        /data\.img: has no dmthin label, but pool .* the data device is missing or was wiped/,
      ],
      [
        "mv metadata.img ../away",
        "mv ../away metadata.img",
        /metadata\.img: has no dmthin label \(absent\), but .* its metadata device is missing/,
      ],
      [
        "cp data.img ../away; dd if=/dev/zero of=data.img bs=1M count=1 conv=notrunc",
        "mv ../away data.img",
        /data\.img: holds no dmthin label/,
      ],
      [
        "cp spare.img ../away; cp catalog.img spare.img",
        "mv ../away spare.img",
        /spare\.img: is the catalog device of its pool, not spare/,
      ],
    ];
    for (const [command, undo, problem] of cases) {
      sh("bash", "-c", `cd ${directory} && ${command}`);
      await expect(bench.open(options)).rejects.toThrow(problem);
      expect([bench.dmNames(), bench.mounts(), bench.loops(directory)]).toEqual([[], [], []]);
      sh("bash", "-c", `cd ${directory} && ${undo}`);
    }
    expect(statSync(join(directory, "data.img")).size).toBe(Number(257n * MIB));
    await bench.open(options);
  });
});
