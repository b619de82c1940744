/** What all chapters of the story share, and how they put figures into words. */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { formatBytes, KIB } from "../src/core/units.ts";
import type { Bytes } from "../src/core/units.ts";
import type { DemoDriver } from "./driver.ts";
import type { DemoVolume, Kubelet } from "./kubelet.ts";
import { df, mappedBytes, mountPoints, sha256 } from "./machine.ts";
import type { Steps } from "./steps.ts";

export interface Scene {
  readonly steps: Steps;
  readonly driver: DemoDriver;
  readonly kubelet: Kubelet;
}

/** Random bytes, on the disk when this resolves. */
export async function writeFileDurably(path: string, size: Bytes): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.write(randomBytes(Number(size)));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The file whose checksum the story follows. */
export const letterOf = (volume: DemoVolume): string => `${volume.targetPath}/letter`;
/** The file that the writer appends to. */
export const journalOf = (volume: DemoVolume): string => `${volume.targetPath}/journal`;

export const checksum = async (volume: DemoVolume): Promise<string> =>
  shorten(await sha256(letterOf(volume)));
export const shorten = (digest: string): string => digest.slice(0, 12);

export const mapped = async (volume: DemoVolume): Promise<string> =>
  `${formatBytes(await mappedBytes(volume.device))} mapped`;

/** The pool's block size: the default, as the demo configures none. */
const BLOCK = 64n * KIB;
export const inBlocks = (blocks: bigint): string => formatBytes(blocks * BLOCK);

/** Pods' mounts that the kernel shows now. */
export async function countMounted(kubelet: Kubelet): Promise<number> {
  const targets = new Set(kubelet.published.map((volume) => volume.targetPath));
  return (await mountPoints()).filter((point) => targets.has(point)).length;
}

export const dfSize = async (volume: DemoVolume): Promise<string> =>
  formatBytes((await df(volume.targetPath)).size);
