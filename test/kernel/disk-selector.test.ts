/** Disks that a pool selects: which are taken, which never are, and that only labels say whose they are afterwards. */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DeviceMissingError, PoolSetupError } from "../../src/core/errors.ts";
import type { PoolName } from "../../src/core/ids.ts";
import { MIB } from "../../src/core/units.ts";
import { planPool } from "../../src/pool/pool-plan.ts";
import { digest, writeAt } from "../support/disks.ts";
import { Crash, madeDirectory, PoolBench } from "../support/pool-bench.ts";
import { ScsiDisks } from "../support/scsi-disks.ts";
import { MEBIBYTES, SelectorBench, sums } from "../support/selector-bench.ts";
import { sh } from "../support/sh.ts";

const BY_ID = "/dev/disk/by-id";

let bench: PoolBench;
let scsi: ScsiDisks;
let selectors: SelectorBench;
const selecting: SelectorBench["selecting"] = (...words) => selectors.selecting(...words);
const add: SelectorBench["add"] = (...words) => selectors.add(...words);
beforeAll(() => {
  scsi = new ScsiDisks(MEBIBYTES);
});
afterAll(() => scsi.end());
const links: string[] = [];
beforeEach(async () => {
  bench = await PoolBench.create();
  selectors = new SelectorBench(bench, scsi);
});
afterEach(async () => {
  await bench.clear();
  for (const link of links.splice(0)) rmSync(link, { force: true });
  scsi.clear();
});

/** What is done to a disk, what is said then, and what else has to be taken back. */
const SPOILT: readonly (readonly [
  spoil: (disk: string) => void,
  why: RegExp,
  undo?: (disk: string) => void,
])[] = [
  [(disk) => sh("mkfs.ext4", "-q", disk), /holds ext4/],
  [(disk) => sh("sh", "-c", `echo ,10M | sfdisk --quiet --label gpt ${disk}`), /holds a gpt partition table/],
  [(disk) => sh("pvcreate", "--quiet", "--devices", disk, disk), /holds LVM2_member/],
  [
    (disk) =>
      sh(
        "mdadm",
        "--create",
        "/dev/md9",
        "--run",
        "--quiet",
        "--level=1",
        "--force",
        "--raid-devices=1",
        disk,
      ),
    /holds linux_raid_member/,
    () => sh("mdadm", "--stop", "--quiet", "/dev/md9"),
  ],
  [(disk) => writeAt(disk, Number(MIB) + 9000, "data"), /holds unknown data/],
  [(disk) => writeAt(disk, Number(MIB), "DMTHIN-LABEL\n"), /has a dmthin label that cannot be read|.*label/],
  [
    (disk) => sh("dmsetup", "create", "stranger", "--uuid", "DMTHIN-x", "--table", `0 8 linear ${disk} 0`),
    /dm-\d+ \(DMTHIN-x\) is built on it/,
    () => sh("dmsetup", "remove", "stranger"),
  ],
  [(disk) => sh("blockdev", "--setro", disk), /is read-only/, (disk) => sh("blockdev", "--setrw", disk)],
  [
    (disk) => {
      sh("sh", "-c", `echo ,20M | sfdisk --quiet --label gpt ${disk}`);
      sh("mkfs.ext4", "-q", `${disk}1`);
      sh("mount", `${disk}1`, madeDirectory(join(bench.stateDirectory, "mnt")));
    },
    /holds a gpt partition table/,
    () => sh("umount", join(bench.stateDirectory, "mnt")),
  ],
];

/** What udev does where there is one. */
function identify(disk: string, id: string): string {
  const link = join(BY_ID, id);
  mkdirSync(BY_ID, { recursive: true });
  symlinkSync(disk, link);
  links.push(link);
  return link;
}

describe("a new pool", () => {
  test("is made on the disks that are meant, and found again by their labels alone", async () => {
    const [first = "", second = ""] = await add("Quick 1", 2);
    const other = await scsi.add("Slow 1");
    const before = sums([other]);
    const options = selecting({});
    expect(await selectors.standings(options)).toEqual([
      `${first} chosen`,
      `${second} chosen`,
      `${other} other its model "Slow 1" is not like "Quick*"`,
    ]);
    const { uuid } = await bench.complete(options);
    await bench.reboot();
    // More of them, and none but what is empty.
    const later = await scsi.add("Quick 2");
    const beforeLater = sums([later]);
    expect(await selectors.standings(options)).toEqual([
      `${first} own`,
      `${second} own`,
      `${other} other its model "Slow 1" is not like "Quick*"`,
      `${later} unneeded the pool has its 2 disks`,
    ]);
    expect((await bench.open(options)).uuid).toBe(uuid);
    // Whatever the selector says by now.
    await bench.reboot();
    const elsewhere = selecting({ model: "Slow*" });
    expect((await bench.open(elsewhere)).uuid).toBe(uuid);
    expect(sums([other, later])).toEqual([...before, ...beforeLater]);
  });

  test("takes disks by size and by name, in the order of their names", async () => {
    const disks = await add("Quick 1", 3);
    const [one = "", two = "", three = ""] = disks;
    const named = [identify(one, "scsi-Z"), identify(two, "scsi-A"), identify(three, "ata-A")];
    const options = selecting({ model: "Q?ick 1", byId: "scsi-*", minSize: MIB as never });
    const plan = await planPool(options, bench.runner);
    expect(plan.kind === "refuse" ? plan.problems : plan.devices.map(({ path }) => path)).toEqual([
      `disk ${named[1]}`,
      `disk ${named[0]}`,
    ]);
    expect(await selectors.standings(selecting({ maxSize: (MIB * 100n) as never }))).toEqual(
      named.map((path) => `${path} other has 148 MiB, and maxSize is 100 MiB`),
    );
    const { uuid } = await bench.complete(options);
    await bench.reboot();
    for (const link of links.splice(0)) rmSync(link);
    expect((await bench.open(options)).uuid).toBe(uuid);
  });

  test("is not made on fewer, nor on whichever of more; nothing is written", async () => {
    const disks = await add("Quick 1", 2);
    const before = sums(disks);
    const few = bench.open(selecting({ count: 3 }));
    await expect(few).rejects.toThrow(DeviceMissingError);
    await expect(few).rejects.toThrow(
      /pool bench: waits for 3 disks with model Quick\* that are empty; there are: \/dev\/sd\w+, \/dev\/sd\w+/,
    );
    const many = bench.open(selecting({ count: 1 }));
    await expect(many).rejects.toThrow(PoolSetupError);
    await expect(many).rejects.toThrow(/to have 1 disk with model Quick\*, and 2 would do: .*narrower/);
    await expect(bench.open(selecting({ model: "None" }))).rejects.toThrow(/there are: none/);
    expect(sums(disks)).toEqual(before);
    expect([bench.dmNames(), bench.mounts()]).toEqual([[], []]);
  });

  test("takes no disk that holds or carries anything; all of it stays as it is", async () => {
    const [good = "", bad = ""] = await add("Quick 1", 2);
    for (const [spoil, why, undo] of SPOILT) {
      spoil(bad);
      const before = await Promise.all([good, bad].map(digest));
      const attempt = bench.open(selecting({}));
      await expect(attempt).rejects.toThrow(PoolSetupError);
      await expect(attempt).rejects.toThrow(new RegExp(`${bad}: (?:${why.source})`));
      expect(await Promise.all([good, bad].map(digest))).toEqual(before);
      undo?.(bad);
      scsi.blank(bad);
    }
    await bench.open(selecting({}));
  });

  test("takes no removable disk, no loop device, and none of another pool", async () => {
    const stick = await scsi.add("Quick 1", { removable: true });
    const own = await scsi.add("Quick 1");
    const loop = bench.disk(148n * MIB);
    await bench.made(bench.devices({ name: "first" as PoolName, devices: [own] }));
    const before = sums([stick, own, loop]);
    const options = selecting({ count: 1 });
    await expect(bench.open(options)).rejects.toThrow(
      /waits for 1 disk .*: is removable.*: belongs to pool first/,
    );
    const bySize = await planPool(
      bench.devices({
        devices: [],
        select: { count: 1, maxSize: (MIB * 148n) as never, minSize: (MIB * 148n) as never },
      }),
      bench.runner,
    );
    expect(bySize.disks?.find(({ node }) => node.startsWith("/dev/loop"))).toMatchObject({
      standing: "other",
      reasons: ["is a loop device"],
    });
    expect(sums([stick, own, loop])).toEqual(before);
  });

  test("takes no disk that another pool of the configuration means too; both are named", async () => {
    const disks = await add("Quick 1", 2);
    const before = sums(disks);
    const other = selecting({ model: "Q*" }, "other");
    bench.others = [selecting({}), other];
    await expect(bench.open(selecting({}))).rejects.toThrow(
      /pool bench: selects no disk, as one is meant twice: \/dev\/sd\w+: the selector of pool other means it too/,
    );
    await expect(bench.open(other)).rejects.toThrow(/pool other: .* the selector of pool bench means it too/);
    bench.others = [bench.devices({ name: "named" as PoolName, devices: [disks[1] ?? ""] })];
    await expect(bench.open(selecting({}))).rejects.toThrow(
      new RegExp(`${disks[1]}: pool named names it \\(${disks[1]}\\)`),
    );
    bench.others = [bench.parts({ name: "parts" as PoolName, data: disks[0] ?? "", metadata: "/dev/none" })];
    await expect(bench.open(selecting({}))).rejects.toThrow(/pool parts names it/);
    expect(sums(disks)).toEqual(before);
  });

  test("is not made beside a disk whose label cannot be read: it may be the pool's own", async () => {
    const [good = ""] = await add("Quick 1", 1);
    const torn = await scsi.add("Other");
    writeAt(torn, Number(MIB), "DMTHIN-LABEL\n");
    const before = await Promise.all([good, torn].map(digest));
    await expect(bench.open(selecting({ count: 1 }))).rejects.toThrow(
      new RegExp(`pool bench: selects no disk, as one cannot be read that may be its own: ${torn}: .*label`),
    );
    expect(await Promise.all([good, torn].map(digest))).toEqual(before);
    scsi.blank(torn);
    await bench.open(selecting({ count: 1 }));
  });

  test("that was cut off is gone on with, on its own disks", async () => {
    const [, second = ""] = await add("Quick 1", 2);
    const options = selecting({});
    await expect(bench.open(options, "claim data-1")).rejects.toThrow(Crash);
    sh("mkfs.ext4", "-q", second);
    const held = await digest(second);
    await expect(bench.open(options)).rejects.toThrow(
      new RegExp(`waits for 1 disk more .* that are empty; there are: none; not ${second}: holds ext4`),
    );
    expect(await digest(second)).toBe(held);
    scsi.blank(second);
    expect(await planPool(options, bench.runner)).toMatchObject({ kind: "finish", refusals: [] });
    await bench.complete(options);
    expect((await planPool(options, bench.runner)).kind).toBe("none");
  });
});
