/** How each guide is followed: what its reader has, the blocks in order, and what is done between them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";

import { ThinMetadata } from "../faults/repair/thin-metadata.ts";
import { sha256, writeRandom } from "./content.ts";
import { loopPool, startDriver } from "./driver.ts";
import { comeFromLvm } from "./guide-lvm.ts";
import type { GuidePlace, GuideRun } from "./guide-place.ts";
import { yamlBlocks } from "./guides.ts";
import { run, takeDown } from "./machine-state.ts";
import { codeBlocks, documentText } from "./markdown.ts";
import { scratchDirectory } from "./scratch.ts";
import { VolumeLife, type TestVolume } from "./volume-life.ts";

const DISK = "nvme-eui.0025385b71b5a6f2";
const OTHER_DISK = "nvme-eui.0025385b71b5a6f3";
const LVM_DISK = "nvme-eui.0025385b71b5a6f4";
const DISK_MIB = 20 * 1024;

/** What the guides of trouble begin with: a small pool `fast` that promises more than it has. */
const SMALL = "small-data";
const SMALL_POOL = `
pools:
  - name: fast
    backing: parts
    metadata: /dev/disk/by-id/small-metadata
    data: /dev/disk/by-id/${SMALL}
    overprovision: 4`;
const ENDPOINT = "endpoint: unix:///run/dmthin/csi.sock";

const yaml = (guide: string, index: number): string => {
  const block = yamlBlocks(guide)[index];
  if (block === undefined) throw new RangeError(`${guide} has no YAML ${index}`);
  return block;
};

const lifeIn = (place: GuidePlace): VolumeLife =>
  new VolumeLife({ csi: () => place.csi, kubeletDirectory: place.kubeletDirectory, pool: "fast" });

/** A volume that a pod has. */
let used: TestVolume | undefined;

/** The section of that name, with a volume that comes through all of it. */
async function onLvm(guide: GuideRun, place: GuidePlace): Promise<void> {
  await place.disk(LVM_DISK, DISK_MIB);
  await guide.next();
  await place.configure(yaml(guide.path, 2));
  await place.start();
  const volume = await lifeIn(place).create("on-lvm", "ext4");
  await lifeIn(place).use(volume);
  const content = await writeRandom(`${volume.targetPath}/content`, 4);
  await guide.next();
  place.signal("SIGHUP");
  await place.logged(/pool fast has grown: data from 9.9 GiB to 14.9 GiB/);
  await lifeIn(place).release(volume);
  await place.stop();
  await guide.next();
  await guide.next();
  await place.start();
  await lifeIn(place).use(volume);
  expect(await sha256(`${volume.targetPath}/content`)).toBe(content);
  await lifeIn(place).end(volume);
  await place.stop();
  await takeDown("fast", []);
  await run("vgremove", "-ff", "--yes", "storage");
  await place.removeDisk(LVM_DISK);
}

/** In the order in which they are followed: those of trouble go on with one pool. */
export const SCENARIOS: Readonly<Record<string, (guide: GuideRun, place: GuidePlace) => Promise<void>>> = {
  "docs/guides/choose-a-backing.md": async (guide, place) => {
    for (const disk of [DISK, OTHER_DISK]) await place.disk(disk, DISK_MIB);
    await place.configure(yaml(guide.path, 0));
    await guide.next();
    await place.start();
    await place.stop();
    await takeDown("fast", []);
    await guide.next();
    expect(await place.dmthin("pool", "plan", "fast")).toMatch(/^pool fast \(devices\) would be made$/m);
    await onLvm(guide, place);
  },

  "docs/guides/come-from-lvm.md": async (guide, place) => {
    await place.cover("/var/lib/docker");
    await comeFromLvm(guide, place);
  },

  "docs/guides/pools.md": async (guide, place) => {
    await guide.next();
    await place.configure(yaml(guide.path, 1));
    await place.start();
    await place.logged(/pool fast is open/);
    await place.stop();
    await guide.next();
    expect(await place.dmthin("pool", "plan", "fast")).toMatch(/^pool fast \(parts\) would be made$/m);
  },

  "docs/guides/orphans.md": async (guide, place) => {
    const pool = (name: string): string =>
      `{name: ${name}, backing: loop, directory: /var/lib/dmthin/${name}, dataSize: 1GiB, metadataSize: 4MiB}`;
    await place.configure(`${ENDPOINT}\ndefaultPool: fast\npools: [${pool("fast")}, ${pool("old")}]`);
    await place.start();
    await place.logged(/pool old is open/);
    await place.stop();
    await place.configure(`${ENDPOINT}\npools: [${pool("fast")}]`);
    await place.start();
    await guide.all();
    await place.stop();
    await takeDown("fast", ["/var/lib/dmthin/fast"]);
    for (const name of ["fast", "old"]) await rm(`/var/lib/dmthin/${name}`, { recursive: true });
  },

  "docs/guides/grow.md": async (guide, place) => {
    await place.configure(yaml(guide.path, 0));
    await place.start();
    await place.configure(yaml(guide.path, 1));
    await place.logged(/pool try has grown: data from 20 GiB to 30 GiB/);
    await guide.all();
    await place.stop();
    await takeDown("try", ["/var/lib/dmthin/try"]);
    await rm("/var/lib/dmthin/try", { recursive: true });
  },

  "docs/guides/monitor.md": async (guide, place) => {
    await place.disk("small-metadata", 300);
    await place.disk(SMALL, 129);
    await place.configure(`${ENDPOINT}\n${yaml(guide.path, 0)}\n${SMALL_POOL}`);
    await place.start();
    used = await lifeIn(place).create("app", "ext4");
    await lifeIn(place).use(used);
    await guide.next();
    const pages = ["/healthz", "/readyz", "/metrics"].map((page) => fetch(`http://127.0.0.1:9809${page}`));
    expect((await Promise.all(pages)).map(({ status }) => status)).toEqual([200, 200, 200]);
  },

  /** With a configuration of LVM of its own: the machine's is not touched. */
  "docs/guides/lvm-and-multipath-filters.md": async (guide) => {
    const directory = await mkdtemp(join(scratchDirectory(), "lvm-"));
    const filter = codeBlocks(documentText(guide.path)).find(({ text }) => text.includes("global_filter"));
    await writeFile(join(directory, "lvm.conf"), filter?.text ?? "");
    guide.set({ LVM_SYSTEM_DIR: directory });
    expect(await run("pvs", "--all")).toContain("dmthin-");
    await guide.all();
    await rm(directory, { recursive: true });
  },

  "docs/guides/recover-full-pool.md": async (guide, place) => {
    const life = lifeIn(place);
    const filling = await life.create("filling", "block", 256n << 20n);
    await life.use(filling);
    const dd = ["if=/dev/zero", `of=${filling.targetPath}`, "bs=1M", "oflag=direct", "status=none"];
    await expect(run("dd", ...dd)).rejects.toThrow(/No space left/);
    await place.logged(/pool fast: its data is full \(/);
    await guide.next();
    // The first way out.
    await place.growDisk(SMALL, 1024);
    place.signal("SIGHUP");
    await place.logged(/pool fast: its data has room again \(/);
    await run("dd", ...dd, "count=256");
    await life.end(filling);
  },

  "docs/guides/repair-a-pool.md": async (guide, place) => {
    if (used !== undefined) await lifeIn(place).release(used);
    await place.stop();
    await run("dmsetup", "remove", "--retry", "dmthin-fast-pool");
    await new ThinMetadata("/dev/mapper/dmthin-fast-meta").damage("data bitmaps");
    await guide.all();
    await place.start();
    if (used !== undefined) await lifeIn(place).use(used);
  },

  "docs/guides/read-only-pool.md": async (guide, place) => {
    if (used !== undefined) await lifeIn(place).release(used);
    await place.stop();
    await guide.next();
  },

  /** The disks of the pool that went through all of this, as on a machine that has another one. */
  "docs/guides/move-disks.md": async (guide, place) => {
    await takeDown("fast", []);
    await place.configure(
      `${ENDPOINT}\npools: [{name: other, backing: loop, directory: /var/lib/dmthin/other, dataSize: 1GiB}]`,
    );
    await guide.all();
    await place.configure(`${ENDPOINT}\n${SMALL_POOL.replace("name: fast", "name: moved")}`);
    await place.start();
    await place.logged(/pool moved is open/);
    await place.stop();
    await takeDown("moved", []);
  },

  /** As test/vm/with-driver.ts does for `make shell`. */
  "docs/tutorial/first-volume.md": async (guide) => {
    const directory = await mkdtemp(join(scratchDirectory(), "tutorial-"));
    const driver = await startDriver({ directory, pools: [loopPool(directory, "pool", "100GiB")] });
    try {
      guide.set({ CSI_ENDPOINT: driver.endpoint, DMTHIN_KUBELET_DIRECTORY: driver.kubeletDirectory });
      await guide.all();
    } finally {
      await driver.stop();
      await takeDown("pool", [directory]);
      await rm(directory, { recursive: true });
    }
  },
};
