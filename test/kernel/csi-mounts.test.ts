/** How volumes are mounted: flags, what fits to what is there already, and that an unmount ends whatever happens. */
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { mountOptions, run } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench, outcomeOf } from "../support/node-bench.ts";
import { capabilityOf, FILESYSTEMS, type TestVolume } from "../support/volume-life.ts";

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-mounts", dataSize: "4GiB" });
});
afterAll(() => bench.stop());

/** A new volume, gone after the work. */
async function withVolume(
  name: string,
  content: TestVolume["content"],
  work: (volume: TestVolume) => Promise<void>,
): Promise<void> {
  await expectNothingLeft(bench, async () => {
    const volume = await bench.life.create(name, content);
    await work(volume);
    await bench.life.end(volume);
  });
}

/** A damaged ext4 is not written any further; an xfs is mounted beside its copies, which have the same UUID. */
const ALWAYS = { ext4: "errors=remount-ro", xfs: "nouuid", btrfs: "rw" } as const;

test.each(FILESYSTEMS)(
  "the mount flags of %s hold at the staging path and where it is published",
  async (fsType) => {
    await withVolume(`flags-${fsType}`, fsType, async (volume) => {
      const { life } = bench;
      const own = { ext4: "commit=31", xfs: "allocsize=1m", btrfs: "commit=31" }[fsType];
      const shown = fsType === "xfs" ? "allocsize=1024k" : own;
      const flags = ["noatime", "nosuid", "nodev", "noexec", own];
      await life.use(volume, { flags });
      const staged = await mountOptions(volume.stagingPath);
      expect(staged?.filesystem).toContain(ALWAYS[fsType]);
      expect(staged?.mount).toEqual(expect.arrayContaining(["rw", "noatime", "nosuid", "nodev", "noexec"]));
      expect(staged?.filesystem).toContain(shown);
      expect(await mountOptions(volume.targetPath)).toEqual(staged);
      await life.unpublish(volume);
      await life.publish(volume, { flags, readonly: true });
      const reader = await mountOptions(volume.targetPath);
      expect(reader?.mount).toEqual(expect.arrayContaining(["ro", "noatime", "nosuid", "nodev", "noexec"]));
      // The volume itself stays writable: only this path is not.
      expect((await mountOptions(volume.stagingPath))?.mount).toContain("rw");
    });
  },
);

test("an xfs gives up, instead of trying for ever, when the pool is full", async () => {
  await withVolume("patient", "xfs", async (volume) => {
    await bench.life.use(volume);
    const columns = ["-c", "--noheadings", "-o", "blkdevname"];
    const device = await run("dmsetup", "info", ...columns, volume.device);
    const retries = `/sys/fs/xfs/${device}/error/metadata/ENOSPC/max_retries`;
    expect((await readFile(retries, "utf8")).trim()).toBe("0");
  });
});

test("a staged volume is not staged in another way", async () => {
  await withVolume("staged", "ext4", async (volume) => {
    const { life } = bench;
    await life.stage(volume, { flags: ["noatime"] });
    await life.stage(volume, { flags: ["noatime"] });
    await expectCode(life.stage(volume), "ALREADY_EXISTS", /staged at/);
    await expectCode(life.stage(volume, { flags: ["nodiratime"] }), "ALREADY_EXISTS", /unstage it first/);
    const elsewhere = { ...volume, stagingPath: `${volume.stagingPath}-2` };
    await expectCode(life.stage(elsewhere, { flags: ["noatime"] }), "ALREADY_EXISTS", /staged at/);
    // Nobody staged it there: nothing to do, and the true staging stays.
    await life.unstage(elsewhere);
    expect((await mountOptions(volume.stagingPath))?.mount).toContain("noatime");
    await expectCode(
      life.stage(volume, { content: "xfs" }),
      "FAILED_PRECONDITION",
      /holds ext4, xfs was asked for: correct fsType/,
    );
  });
});

test("a volume for both access types is staged as one of them at a time", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const both = [capabilityOf("ext4"), capabilityOf("block")];
    const volume = await life.create("both", "ext4", undefined, { volume_capabilities: both });
    await life.use(volume);
    await expectCode(life.stage(volume, { content: "block" }), "ALREADY_EXISTS", /staged at/);
    await expectCode(
      life.publish(volume, { content: "block", target: `${volume.targetPath}-2` }),
      "ALREADY_EXISTS",
      /staged at/,
    );
    await life.end(volume);
  });
});

test("a volume is not published otherwise than it is staged or published", async () => {
  await withVolume("published", "ext4", async (volume) => {
    const { life } = bench;
    await expectCode(life.publish(volume), "FAILED_PRECONDITION", /not staged/);
    await life.use(volume);
    await life.publish(volume);
    await expectCode(life.publish(volume, { flags: ["noatime"] }), "ALREADY_EXISTS", /staged at/);
    await expectCode(life.publish(volume, { readonly: true }), "ALREADY_EXISTS", /published at .* writable/);
    await expectCode(
      life.publish({ ...volume, stagingPath: `${volume.stagingPath}-2` }),
      "FAILED_PRECONDITION",
    );
  });
});

test("unpublish and unstage may be repeated, and come in their order", async () => {
  await withVolume("order", "ext4", async (volume) => {
    const { life } = bench;
    await life.use(volume);
    await expectCode(life.unstage(volume), "FAILED_PRECONDITION", /still published at/);
    await expectCode(
      bench.csi.controller.deleteVolume({ volume_id: volume.id }),
      "FAILED_PRECONDITION",
      /staged/,
    );
    await life.unpublish(volume);
    await life.unpublish(volume);
    await expectCode(life.delete(volume), "FAILED_PRECONDITION", /staged/);
    await life.unstage(volume);
    await life.unstage(volume);
  });
});

test("what somebody else mounted at the target is left alone", async () => {
  await withVolume("foreign", "ext4", async (volume) => {
    const { life } = bench;
    await life.stage(volume);
    await run("mkdir", "--parents", volume.targetPath);
    await run("mount", "-t", "tmpfs", "tmpfs", volume.targetPath);
    await expectCode(life.publish(volume), "FAILED_PRECONDITION", /something else is mounted/);
    await expectCode(life.unpublish(volume), "FAILED_PRECONDITION", /left alone/);
    expect(await run("findmnt", "--noheadings", "--output", "FSTYPE", volume.targetPath)).toBe("tmpfs");
    await run("umount", volume.targetPath);
    await life.publish(volume);
  });
});

test("a volume unmounted by somebody else is staged again", async () => {
  await withVolume("unmounted", "ext4", async (volume) => {
    const { life } = bench;
    await life.use(volume);
    await run("umount", volume.targetPath);
    await run("umount", volume.stagingPath);
    await expectCode(life.publish(volume), "FAILED_PRECONDITION", /stage it again/);
    await life.use(volume);
    expect(await mountOptions(volume.targetPath)).toBeDefined();
  });
});

test("an unmount of a volume in use ends with the reason, holds up nobody else, and works later", async () => {
  await withVolume("busy", "ext4", async (volume) => {
    const { life } = bench;
    await life.use(volume);
    const held = await open(`${volume.targetPath}/letter`, "w");
    let ended = false;
    const call = outcomeOf(life.unpublish(volume)).finally(() => (ended = true));
    const other = await life.create("beside", "ext4");
    await life.use(other);
    await life.end(other);
    expect(ended).toBe(false);
    const { code, details } = await call;
    expect(code).toBe("FAILED_PRECONDITION");
    expect(details).toContain(`${volume.targetPath} is still in use`);
    // Nothing was forced: who has the file open can go on.
    await held.write("still there");
    await held.sync();
    await held.close();
    expect(await readFile(`${volume.targetPath}/letter`, "utf8")).toBe("still there");
  });
});

test("a device that a scanner holds open for a moment is removed as soon as it lets go", async () => {
  await withVolume("scanned", "ext4", async (volume) => {
    const { life } = bench;
    await life.use(volume);
    await life.unpublish(volume);
    const scanner = await open(`/dev/mapper/${volume.device}`, "r");
    let ended = false;
    const unstage = life.unstage(volume).finally(() => (ended = true));
    await sleep(1000);
    expect(ended).toBe(false);
    await scanner.close();
    await unstage;
  });
});
