/** Labels of a loop pool as another version may have written them. Format: docs/reference/on-disk-format.md. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

export const LABEL_FILES = ["metadata.img", "data.img", "spare.img", "catalog.img"] as const;

const AREA = 1 << 20;
const BLOCK = 4096;
const OFFSETS = [0, 64 << 10] as const;

const digestOf = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

export class LabelFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Of all that belongs to the label. */
  async sum(): Promise<string> {
    return digestOf(await this.#read(AREA));
  }

  async readJson(): Promise<string> {
    return (await this.#read(BLOCK)).toString().split("\n")[2] ?? "";
  }

  /** Both copies, with a good checksum. */
  async writeJson(json: string): Promise<void> {
    const block = Buffer.alloc(BLOCK);
    block.write(`DMTHIN-LABEL\nsha256 ${digestOf(json)}\n${json}\n`);
    await using file = await open(this.#path, "r+");
    for (const offset of OFFSETS) await file.write(block, 0, BLOCK, offset);
    await file.sync();
  }

  async #read(length: number): Promise<Buffer> {
    await using file = await open(this.#path, "r");
    const content = Buffer.alloc(length);
    await file.read(content, 0, length, 0);
    return content;
  }
}
