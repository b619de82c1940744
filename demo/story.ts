/** The story: one node, from an empty directory to volumes that are made, used, copied, grown and deleted. */
import { bytes, bytesFromMetaBlocks, formatBytes, GIB, MIB } from "../src/core/units.ts";
import type { DemoVolume } from "./kubelet.ts";
import { deviceSize, df, mappedBytes, mountedAt, poolStatus, run, sha256 } from "./machine.ts";
import {
  checksum,
  dfSize,
  inBlocks,
  journalOf,
  letterOf,
  mapped,
  shorten,
  writeFileDurably,
} from "./scene.ts";
import type { Scene } from "./scene.ts";
import { check } from "./steps.ts";
import { Writer } from "./writer.ts";

export interface Volumes {
  readonly mail: DemoVolume;
  readonly db: DemoVolume;
  readonly raw: DemoVolume;
}

export async function openPool({ steps, driver }: Scene): Promise<void> {
  steps.chapter("A pool");
  await steps.step(
    "start the driver; it makes a loop pool",
    () => driver.start(),
    async () => {
      const { mode, totalData, totalMeta, usedData } = await poolStatus(driver.poolDevice);
      check(mode === "rw" && usedData === 0n, `the kernel says ${mode}, ${usedData} blocks used`);
      return `kernel: ${mode}, ${inBlocks(totalData)} data, ${formatBytes(bytesFromMetaBlocks(totalMeta))} metadata`;
    },
  );
  await steps.step(
    "ask for its capacity",
    () => driver.csi.controller.getCapacity({ parameters: { pool: driver.pool } }),
    ({ available_capacity }) => {
      check(BigInt(available_capacity) > 0n, "nothing can be promised");
      return `${formatBytes(BigInt(available_capacity))} can still be promised`;
    },
  );
}

export async function makeVolumes({ steps, driver, kubelet }: Scene): Promise<Volumes> {
  steps.chapter("Volumes");
  const described = async (volume: DemoVolume): Promise<string> => {
    const { usedData } = await poolStatus(driver.poolDevice);
    return `${formatBytes(volume.size)} promised, pool has ${inBlocks(usedData)} in use`;
  };
  const make = (name: string, content: DemoVolume["content"], size: bigint): Promise<DemoVolume> =>
    steps.step(
      `create volume "${name}", ${content === "block" ? "raw block" : content}`,
      () => kubelet.createVolume(name, content, bytes(size)),
      described,
    );
  const mail = await make("mail", "ext4", 512n * MIB);
  const db = await make("db", "xfs", 512n * MIB);
  const raw = await make("raw", "block", 128n * MIB);
  for (const volume of [mail, db]) {
    await steps.step(
      `stage "${volume.name}": activate, mkfs, mount`,
      () => kubelet.stage(volume),
      async () => `${await mountedAt(volume.stagingPath)}, ${await mapped(volume)}`,
    );
    await steps.step(
      `publish "${volume.name}" to a pod`,
      () => kubelet.publish(volume),
      async () => `${await mountedAt(volume.targetPath)}, df ${await dfSize(volume)}`,
    );
  }
  return { mail, db, raw };
}

export async function writeAndMeasure({ steps, driver }: Scene, { mail }: Volumes): Promise<void> {
  await steps.step(
    'write a letter of 32 MiB into "mail"',
    () => writeFileDurably(letterOf(mail), bytes(32n * MIB)),
    async () => `sha256 ${await checksum(mail)}, ${await mapped(mail)}`,
  );
  await steps.step(
    "ask the node for its statistics",
    () => driver.csi.node.nodeGetVolumeStats({ volume_id: mail.id, volume_path: mail.targetPath }),
    async ({ usage }) => {
      const inBytes = usage.find((each) => each.unit === "BYTES");
      const { size, used } = await df(mail.targetPath);
      const said = `${inBytes?.used} used of ${inBytes?.total}`;
      check(said === `${used} used of ${size}`, `CSI says ${said}, df says ${used} used of ${size}`);
      return `${formatBytes(used)} of ${formatBytes(size)} used; df says the same`;
    },
  );
}

export async function growOnline({ steps, kubelet }: Scene, { mail, db }: Volumes): Promise<void> {
  steps.chapter("Growth");
  for (const volume of [mail, db]) {
    const writer = await Writer.start(journalOf(volume));
    const before = await df(volume.targetPath);
    await steps.step(
      `grow "${volume.name}" (${volume.content}) to 1 GiB while in use`,
      () => kubelet.grow(volume, bytes(GIB)),
      async (size) => {
        const now = await df(volume.targetPath);
        check(size === GIB && now.size > before.size, `node says ${size}, df ${before.size} → ${now.size}`);
        await writer.reach(5);
        return `df ${formatBytes(before.size)} → ${formatBytes(now.size)}, waited ${writer.longestMs()} ms`;
      },
    );
    await writer.stop();
  }
}

export async function useRawBlock({ steps, driver, kubelet }: Scene, { raw }: Volumes): Promise<void> {
  steps.chapter("Raw block");
  await steps.step(
    'stage and publish "raw"',
    () => kubelet.use(raw),
    async () => {
      const [size, used] = [await deviceSize(raw.targetPath), await mappedBytes(raw.device)];
      check(size === raw.size && used === 0n, `${size} bytes, ${used} mapped`);
      return `a block device of ${formatBytes(size)}, ${formatBytes(used)} mapped`;
    },
  );
  const source = `${driver.directory}/block-content`;
  const copy = `${driver.directory}/block-copy`;
  await writeFileDurably(source, bytes(16n * MIB));
  const written = shorten(await sha256(source));
  await steps.step(
    "write 16 MiB with direct I/O",
    () => run("dd", `if=${source}`, `of=${raw.targetPath}`, "bs=1M", "oflag=direct", "conv=fsync,notrunc"),
    async () => `sha256 ${written}, ${await mapped(raw)}`,
  );
  await steps.step(
    "read them back with direct I/O",
    () => run("dd", `if=${raw.targetPath}`, `of=${copy}`, "bs=1M", "count=16", "iflag=direct"),
    async () => {
      const found = shorten(await sha256(copy));
      check(found === written, `${found} came back, ${written} was written`);
      return `sha256 ${found}`;
    },
  );
  await steps.step(
    'grow "raw" to 256 MiB while in use',
    () => kubelet.grow(raw, bytes(256n * MIB)),
    async () => {
      const size = await deviceSize(raw.targetPath);
      check(size === 256n * MIB, `the pod's device has ${size} bytes`);
      return `device ${formatBytes(raw.size)} → ${formatBytes(size)}`;
    },
  );
}
