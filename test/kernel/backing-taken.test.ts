/** Devices that belong to something else, also where nothing that they hold says so: LVM's thin pools, members of md arrays. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PoolSetupError } from "../../src/core/errors.ts";
import type { PoolOptions } from "../../src/core/pool-options.ts";
import { KIB, MIB } from "../../src/core/units.ts";
import { digest, node } from "../support/disks.ts";
import { MdArray } from "../support/md-array.ts";
import { run } from "../support/machine-state.ts";
import { PoolBench } from "../support/pool-bench.ts";
import { VolumeGroup } from "../support/volume-group.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

describe("the device of somebody's thin-pool, which reads as blank", () => {
  let group: VolumeGroup;
  beforeEach(async () => {
    group = await VolumeGroup.create("dmthintaken", [1024]);
    const pool = ["--type=thin-pool", "--size=257M", "--poolmetadatasize=4M", "--name=tp", group.name];
    await group.lvm("lvcreate", ...pool);
  });
  afterEach(() => group.remove());

  const makeThin = (): Promise<string> =>
    group.lvm("lvcreate", "--virtualsize=64M", "--thinpool=tp", "--name=thin", group.name);

  test.each(["LVM's, without a volume", "LVM's, with a volume"])("(%s) is left alone", async (whose) => {
    if (whose === "LVM's, with a volume") await makeThin();
    const options = bench.parts({ data: "/dev/mapper/dmthintaken-tp" });
    const before = [await digest(options.metadata), await digest(options.data)];
    const problem = /taken-tp: shows the data of thin-pool dmthintaken-tp(-tpool)?, where its thins may hold/;
    await expect(bench.open(options)).rejects.toThrow(problem);
    await expect(bench.open({ ...options, force: [options.data] })).rejects.toThrow(problem);
    expect([await digest(options.metadata), await digest(options.data)]).toEqual(before);
    expect(bench.dmNames()).toEqual([]);
  });

  test("(LVM's, through another device) is left alone, as the metadata device too", async () => {
    const sectors = await run("blockdev", "--getsz", group.path("tp"));
    await run("dmsetup", "create", "hand-over", "--table", `0 ${sectors} linear ${group.path("tp")} 0`);
    try {
      const options = bench.parts({ metadata: "/dev/mapper/hand-over" });
      await expect(bench.open(options)).rejects.toThrow(/hand-over: shows the data of thin-pool dmthintaken/);
    } finally {
      await run("dmsetup", "remove", "--retry", "hand-over");
    }
  });

  test("is not what a thin volume is", async () => {
    await group.lvm("lvcreate", "--virtualsize=257M", "--thinpool=tp", "--name=thin", group.name);
    await bench.complete(bench.parts({ data: group.path("thin") }));
    expect(bench.reports).toEqual([]);
    await bench.reboot();
  });
});

describe("of an md array", () => {
  let array: MdArray | undefined;
  beforeAll(() => run("modprobe", "raid1"));
  afterEach(async () => {
    await array?.stop();
    array = undefined;
  });

  const twoDisks = (): [string, string] => [bench.disk(280n * MIB), bench.disk(280n * MIB)];

  // At the fourth KiB, at the end, and at the end as in the old days.
  describe.each(["1.2", "1.0", "0.90"])("with metadata %s", (version) => {
    test("a member is left alone, by every backing: forced or not while the array runs, and unforced when it has stopped", async () => {
      const disks = twoDisks();
      array = await MdArray.create(version, disks.map(node));
      const [member] = disks;
      const attempts = [
        bench.parts({ data: member }),
        bench.parts({ metadata: member }),
        bench.devices({ devices: [member] }),
      ];
      const before = await digest(member);
      for (const options of attempts) {
        const forced = { ...options, force: [member] };
        await expect(bench.open(options)).rejects.toThrow(/: md\d+ is built on it; remove that first/);
        await expect(bench.open(forced)).rejects.toThrow(/: md\d+ is built on it; remove that first/);
      }
      await array.stop();
      for (const options of attempts)
        await expect(bench.open(options)).rejects.toThrow(/: holds linux_raid_member .* name it under force/);
      expect(await digest(member)).toBe(before);
      expect(bench.dmNames()).toEqual([]);
    });
  });

  test.each([
    ["1.0", "parts"],
    ["1.0", "devices"],
    ["0.90", "parts"],
    ["0.90", "devices"],
  ] as const)(
    "that keeps its superblocks at the end (%s) a member, which shows the label of a pool of backing %s, is left alone",
    async (version, backing) => {
      const disks = twoDisks().map(node);
      const [member = ""] = disks;
      array = await MdArray.create(version, disks);
      const rest = bench.parts();
      const on = (path: string): PoolOptions =>
        backing === "parts" ? { ...rest, data: path } : bench.devices({ devices: [path] });
      const stack = await bench.complete(on(array.path));
      await stack.deactivate();
      await expect(bench.open(on(member))).rejects.toThrow(/: md\d+ is built on it; remove that first/);
      await array.stop();
      const before = await digest(member);
      const problem = new RegExp(
        `: is a member of an md array \\(metadata ${version}\\) that shows the same`,
      );
      await expect(bench.open(on(member))).rejects.toThrow(problem);
      expect(await digest(member)).toBe(before);
      array = await MdArray.assemble(disks);
      const again = await bench.open(on(array.path));
      await again.deactivate();
      expect(bench.reports).toEqual([]);
    },
  );

  test("the array itself is refused while it holds a filesystem", async () => {
    array = await MdArray.create("1.2", twoDisks().map(node));
    await run("mkfs.ext4", "-q", array.path);
    for (const options of [bench.parts({ data: array.path }), bench.devices({ devices: [array.path] })])
      await expect(bench.open(options)).rejects.toThrow(/: holds ext4 \(filesystem\)/);
    await run("mount", array.path, "/mnt");
    const forced = bench.parts({ data: array.path, force: [array.path] });
    await expect(bench.open(forced)).rejects.toThrow(PoolSetupError);
    await expect(bench.open(forced)).rejects.toThrow(/is in use \(mounted/);
    await run("umount", "/mnt");
  });

  test.each(["parts", "devices"] as const)(
    "the array, blank, is what a pool of backing %s stands on, also after it was stopped and assembled",
    async (backing) => {
      const disks = twoDisks().map(node);
      array = await MdArray.create("1.2", disks);
      const options =
        backing === "parts" ? bench.parts({ data: array.path }) : bench.devices({ devices: [array.path] });
      const stack = await bench.complete(options);
      const [blocks] = (await bench.totals(stack)).split(" ");
      await expect(run("mdadm", "--stop", array.path)).rejects.toThrow(/Cannot get exclusive access/);
      await stack.deactivate();
      await array.stop();
      array = await MdArray.assemble(disks);
      const again = await bench.open({
        ...options,
        ...(backing === "parts" ? { data: array.path } : { devices: [array.path] }),
      });
      expect(await bench.totals(again)).toBe(`${blocks} rw`);
      await again.deactivate();
      expect(bench.reports).toEqual([]);
    },
  );
});

test("a pool whose disk cannot be read behind what the pool uses is opened", async () => {
  const sectors = (257n * MIB) / 512n;
  const disk = node(bench.disk(257n * MIB + 32n * KIB));
  const whole = `0 ${sectors + 64n} linear ${disk} 0`;
  await run("dmsetup", "create", "hand-end", "--table", whole);
  try {
    const options = bench.parts({ data: "/dev/mapper/hand-end" });
    await bench.made(options);
    const torn = `0 ${sectors} linear ${disk} 0\n${sectors} 64 error`;
    await run("sh", "-c", 'echo "$1" | dmsetup load hand-end && dmsetup resume hand-end', "-", torn);
    await expect(run("dd", "if=/dev/mapper/hand-end", "of=/dev/null", `skip=${sectors}`)).rejects.toThrow(
      /Input\/output error/,
    );
    const stack = await bench.open(options);
    await stack.deactivate();
  } finally {
    await run("dmsetup", "remove", "--retry", "hand-end");
  }
});
