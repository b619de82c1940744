/** What all chapters of the story share, and how they put figures into words. */
import { bytes, formatBytes, KIB } from "../src/core/units.ts";
import { sha256 } from "../test/support/content.ts";
import { RecordWriter } from "../test/support/record-writer.ts";
import type { TestVolume, VolumeLife } from "../test/support/volume-life.ts";
import type { DemoDriver } from "./driver.ts";
import { df, mappedBytes, mountPoints } from "./machine.ts";
import type { Steps } from "./steps.ts";

export interface Scene {
  readonly steps: Steps;
  readonly driver: DemoDriver;
  /** The calls of the sidecars and of kubelet. */
  readonly life: VolumeLife;
  /** All that were started; ended with the story, however it ends. */
  readonly writers: RecordWriter[];
}

/** A program that never stops writing into these volumes: a record to each in turn, each made durable. */
export async function startWriter(scene: Scene, ...volumes: readonly TestVolume[]): Promise<RecordWriter> {
  const writer = await RecordWriter.start(...volumes.map(journalOf));
  scene.writers.push(writer);
  return writer;
}

export const LETTER_MIB = 32;
/** The file whose checksum the story follows. */
export const letterOf = (volume: TestVolume): string => `${volume.targetPath}/letter`;
/** The file that the writer writes. */
export const journalOf = (volume: TestVolume): string => `${volume.targetPath}/journal`;

export const checksum = async (volume: TestVolume): Promise<string> =>
  shorten(await sha256(letterOf(volume)));
export const shorten = (digest: string): string => digest.slice(0, 12);

export const mapped = async (volume: TestVolume): Promise<string> =>
  `${formatBytes(await mappedBytes(volume.device))} mapped`;

/** The pool's block size: the default, as the demo configures none. */
const BLOCK = bytes(64n * KIB);
export const inBlocks = (blocks: bigint): string => formatBytes(blocks * BLOCK);

/** How many of these the kernel shows mounted where a pod has them. */
export async function countMounted(volumes: readonly TestVolume[]): Promise<number> {
  const points = new Set(await mountPoints());
  return volumes.filter((volume) => points.has(volume.targetPath)).length;
}

export const dfSize = async (volume: TestVolume): Promise<string> =>
  formatBytes((await df(volume.targetPath)).size);
