/** Thin metadata on a device or in a file as bytes: where things are, and how to break them. Layout: drivers/md/dm-thin-metadata.c. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

import { alignedBuffer } from "../power/direct.ts";
import { run } from "../../support/machine-state.ts";

const BLOCK = 4096;
const SUPERBLOCK = { dataBitmaps: 64 + 16, mappings: 320, devices: 328 } as const;
const NODE = { entries: 16, maximum: 20, keys: 32 } as const;

/** `node of a volume`: the root of the mappings of one thin. */
export type Part = "superblock" | "devices" | "mappings" | "data bitmaps" | { readonly thin: number };

/** Metadata that begins at `offset` of `path`. Direct I/O: no page cache between two openers. */
export class ThinMetadata {
  readonly #path: string;
  readonly #offset: number;

  constructor(path: string, offset = 0) {
    this.#path = path;
    this.#offset = offset;
  }

  /** Overwrites one block with noise. Answers which. */
  async damage(part: Part): Promise<number> {
    const block = await this.#blockOf(part);
    await this.#write(block, randomBytes(BLOCK));
    return block;
  }

  async read(length: number): Promise<Buffer> {
    return this.#read(0, length);
  }

  async write(content: Buffer): Promise<void> {
    await this.#write(0, content);
  }

  async #blockOf(part: Part): Promise<number> {
    if (part === "superblock") return 0;
    const superblock = await this.#read(0, BLOCK);
    const at = (offset: number): number => Number(superblock.readBigUInt64LE(offset));
    if (part === "devices") return at(SUPERBLOCK.devices);
    if (part === "data bitmaps") return at(SUPERBLOCK.dataBitmaps);
    const top = at(SUPERBLOCK.mappings);
    if (part === "mappings") return top;
    const node = await this.#read(top, BLOCK);
    const entries = node.readUInt32LE(NODE.entries);
    for (let index = 0; index < entries; index += 1) {
      if (node.readBigUInt64LE(NODE.keys + index * 8) !== BigInt(part.thin)) continue;
      const values = NODE.keys + node.readUInt32LE(NODE.maximum) * 8;
      return Number(node.readBigUInt64LE(values + index * 8));
    }
    throw new Error(`thin ${part.thin} is not in the first node of the mappings`);
  }

  async #read(block: number, length: number): Promise<Buffer> {
    await using file = await open(this.#path, constants.O_RDONLY | constants.O_DIRECT);
    const content = alignedBuffer(length);
    const { bytesRead } = await file.read(content, 0, length, this.#offset + block * BLOCK);
    if (bytesRead !== length) throw new Error(`${this.#path}: ${bytesRead} bytes of ${length}`);
    return content;
  }

  async #write(block: number, content: Buffer): Promise<void> {
    await using file = await open(this.#path, constants.O_WRONLY | constants.O_DIRECT | constants.O_SYNC);
    const copy = alignedBuffer(content.length);
    content.copy(copy);
    const { bytesWritten } = await file.write(copy, 0, copy.length, this.#offset + block * BLOCK);
    if (bytesWritten !== content.length) throw new Error(`${this.#path}: wrote ${bytesWritten} bytes`);
  }
}

/** The mappings of each thin, as text, by its id. The metadata is not in use. */
export async function mappingsOf(path: string): Promise<ReadonlyMap<number, string>> {
  const listed = await run("thin_ls", "--no-headers", "--format", "DEV", path);
  const ids = listed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const mappings = new Map<number, string>();
  for (const id of ids) {
    const text = await run("thin_dump", "--dev-id", id, path);
    // The first line is of the pool.
    mappings.set(Number(id), text.slice(text.indexOf("<device")));
  }
  return mappings;
}
