/** A raw block volume beside an image of what it must hold. */
import { readFile, writeFile } from "node:fs/promises";

import { expect } from "vitest";

import { run } from "../../support/machine-state.ts";
import type { TestVolume, VolumeLife } from "../../support/volume-life.ts";

const SECTOR = 512;
const BLOCK = 65_536;

/** A raw volume and what it must hold. */
export class RawVolume {
  readonly #life: VolumeLife;
  readonly volume: TestVolume;
  readonly image: Buffer;

  /** `image`: what it begins with; zeros follow. */
  constructor(life: VolumeLife, volume: TestVolume, image: Buffer = Buffer.alloc(0)) {
    this.#life = life;
    this.volume = volume;
    this.image = Buffer.concat([image, Buffer.alloc(Number(volume.size) - image.length)]);
  }

  get path(): string {
    return `/dev/mapper/${this.volume.device}`;
  }

  /** Direct where both ends are at sectors, so that the kernel gets this very write. */
  async write(offset: number, length: number, byte: number): Promise<void> {
    const content = Buffer.alloc(length, byte);
    const direct = offset % SECTOR === 0 && length % SECTOR === 0;
    await writeFile("/tmp/old-data-write", content);
    const flags = `oflag=seek_bytes${direct ? ",direct" : ""}`;
    const place = [`bs=${length}`, "count=1", `seek=${offset}`, flags, "conv=notrunc,fsync", "status=none"];
    await run("dd", "if=/tmp/old-data-write", `of=${this.path}`, ...place);
    this.image.set(content, offset);
  }

  /** What is discarded may read as zeros or as it was. */
  async discard(offset: number, length: number): Promise<void> {
    await run("blkdiscard", "--offset", String(offset), "--length", String(length), this.path);
    const after = (await read(this.path)).subarray(offset, offset + length);
    const before = this.image.subarray(offset, offset + length);
    const strange = after.findIndex((byte, index) => byte !== 0 && byte !== before[index]);
    if (strange !== -1) throw new Error(`byte ${offset + strange} is new after a discard`);
    this.image.set(after, offset);
  }

  async restage(): Promise<void> {
    await this.#life.unstage(this.volume);
    await this.#life.stage(this.volume);
  }

  async end(): Promise<void> {
    await this.#life.unstage(this.volume);
    await this.#life.delete(this.volume);
  }
}

/** The whole device, past the page cache. */
export async function read(path: string): Promise<Buffer> {
  await run("dd", `if=${path}`, "of=/tmp/old-data-read", "bs=1M", "iflag=direct", "status=none");
  return readFile("/tmp/old-data-read");
}

export async function expectImage(raw: RawVolume): Promise<void> {
  expectSame(await read(raw.path), raw.image);
}

function expectSame(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length);
  if (actual.equals(expected)) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  const found = actual.subarray(at, at + 32).toString("latin1");
  expect.fail(
    `byte ${at} (block ${Math.floor(at / BLOCK)}, ${at % BLOCK} in it) is ${JSON.stringify(found)}`,
  );
}
