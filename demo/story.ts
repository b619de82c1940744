/** The story: one node, from an empty directory to volumes that are made, used, copied, grown and deleted. */
import { bytesFromMetaBlocks, formatBytes, GIB, MIB } from "../src/core/units.ts";
import { sha256Raw, writeRandom, writeRaw } from "../test/support/content.ts";
import type { TestVolume } from "../test/support/volume-life.ts";
import { deviceSize, df, mappedBytes, mountedAt, poolStatus } from "./machine.ts";
import { checksum, dfSize, inBlocks, LETTER_MIB, letterOf, mapped, shorten, startWriter } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { check } from "./steps.ts";

export interface Volumes {
  readonly mail: TestVolume;
  readonly db: TestVolume;
  readonly raw: TestVolume;
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

export async function makeVolumes({ steps, driver, life }: Scene): Promise<Volumes> {
  steps.chapter("Volumes");
  const described = async (volume: TestVolume): Promise<string> => {
    const { usedData } = await poolStatus(driver.poolDevice);
    return `${formatBytes(volume.size)} promised, pool has ${inBlocks(usedData)} in use`;
  };
  const make = (name: string, content: TestVolume["content"], size: bigint): Promise<TestVolume> =>
    steps.step(
      `create volume "${name}", ${content === "block" ? "raw block" : content}`,
      () => life.create(name, content, size),
      described,
    );
  const mail = await make("mail", "ext4", 512n * MIB);
  const db = await make("db", "xfs", 512n * MIB);
  const raw = await make("raw", "block", 128n * MIB);
  for (const volume of [mail, db]) {
    await steps.step(
      `stage "${volume.name}": activate, mkfs, mount`,
      () => life.stage(volume),
      async () => `${await mountedAt(volume.stagingPath)}, ${await mapped(volume)}`,
    );
    await steps.step(
      `publish "${volume.name}" to a pod`,
      () => life.publish(volume),
      async () => `${await mountedAt(volume.targetPath)}, df ${await dfSize(volume)}`,
    );
  }
  return { mail, db, raw };
}

export async function writeAndMeasure({ steps, driver }: Scene, { mail }: Volumes): Promise<void> {
  await steps.step(
    'write a letter of 32 MiB into "mail"',
    () => writeRandom(letterOf(mail), LETTER_MIB),
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

export async function growOnline(scene: Scene, { mail, db }: Volumes): Promise<void> {
  const { steps, life } = scene;
  steps.chapter("Growth");
  for (const volume of [mail, db]) {
    const writer = await startWriter(scene, volume);
    const before = await df(volume.targetPath);
    await steps.step(
      `grow "${volume.name}" (${volume.content}) to 1 GiB while in use`,
      () => grow(life, volume, GIB),
      async (size) => {
        const now = await df(volume.targetPath);
        check(size === GIB && now.size > before.size, `node says ${size}, df ${before.size} → ${now.size}`);
        await writer.reach(5);
        return `df ${formatBytes(before.size)} → ${formatBytes(now.size)}, waited ${writer.takeLongestMs()} ms`;
      },
    );
    await writer.stop();
  }
}

/** ControllerExpandVolume, then NodeExpandVolume. Answers the size that the node reports. */
async function grow(life: Scene["life"], volume: TestVolume, size: bigint): Promise<bigint> {
  await life.enlarge(volume, size);
  return life.expandOnNode(volume, size);
}

export async function useRawBlock({ steps, life }: Scene, { raw }: Volumes): Promise<void> {
  steps.chapter("Raw block");
  await steps.step(
    'stage and publish "raw"',
    () => life.use(raw),
    async () => {
      const [size, used] = [await deviceSize(raw.targetPath), await mappedBytes(raw.device)];
      check(size === raw.size && used === 0n, `${size} bytes, ${used} mapped`);
      return `a block device of ${formatBytes(size)}, ${formatBytes(used)} mapped`;
    },
  );
  const place = { mebibyte: 0, count: 16 };
  const written = await steps.step(
    "write 16 MiB with direct I/O",
    () => writeRaw(raw.targetPath, place),
    async (digest) => `sha256 ${shorten(digest)}, ${await mapped(raw)}`,
  );
  await steps.step(
    "read them back with direct I/O",
    () => sha256Raw(raw.targetPath, place),
    (found) => {
      check(found === written, `${found} came back, ${written} was written`);
      return `sha256 ${shorten(found)}`;
    },
  );
  await steps.step(
    'grow "raw" to 256 MiB while in use',
    () => grow(life, raw, 256n * MIB),
    async () => {
      const size = await deviceSize(raw.targetPath);
      check(size === 256n * MIB, `the pod's device has ${size} bytes`);
      return `device ${formatBytes(raw.size)} → ${formatBytes(size)}`;
    },
  );
}
