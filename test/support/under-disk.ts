/**
 * Disks that a test can break or write to behind the driver's back: dm-linear devices `under-*` over the second disk of the
 * test kernel. Each gets a part of it that nobody used before.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";

import { run } from "./machine-state.ts";
import { scratchDirectory } from "./scratch.ts";

const SECTORS_OF_MIB = 2048;

let used = 0;

/** A disk that goes wrong on demand. */
export class UnderDisk {
  readonly path: string;
  readonly sectors: number;
  readonly #name: string;
  /** Device and first sector of what it shows. */
  readonly #place: string;
  readonly #release: () => Promise<void>;

  private constructor(name: string, sectors: number, place: string, release: () => Promise<void>) {
    this.#name = name;
    this.#place = place;
    this.#release = release;
    this.sectors = sectors;
    this.path = `/dev/mapper/${name}`;
  }

  static async create(name: string, mebibytes: number): Promise<UnderDisk> {
    const sectors = mebibytes * SECTORS_OF_MIB;
    const disk = new UnderDisk(`under-${name}`, sectors, `${rawDisk()} ${used}`, async () => {});
    used += sectors;
    return disk.#made();
  }

  /** On a loop device, for discards that the disk of the test kernel does not take. */
  static async onLoop(name: string, mebibytes: number): Promise<UnderDisk> {
    const directory = await mkdtemp(`${scratchDirectory()}/under-`);
    const file = `${directory}/${name}.img`;
    await run("truncate", "--size", `${mebibytes}M`, file);
    const loop = await run("losetup", "--find", "--show", "--direct-io=on", file);
    return new UnderDisk(`under-${name}`, mebibytes * SECTORS_OF_MIB, `${loop} 0`, async () => {
      await run("losetup", "--detach", loop);
      await rm(directory, { recursive: true });
    }).#made();
  }

  /** As it should be. */
  heal(): Promise<void> {
    return this.#become(this.#linear());
  }

  /** Every read and write fails. */
  fail(): Promise<void> {
    return this.#become(`0 ${this.sectors} error`);
  }

  /** Every write takes that long. */
  delayWrites(ms: number): Promise<void> {
    return this.#become(`0 ${this.sectors} delay ${this.#place} 0 ${this.#place} ${ms}`);
  }

  /** Every read takes that long. */
  delayReads(ms: number): Promise<void> {
    return this.#become(`0 ${this.sectors} delay ${this.#place} ${ms} ${this.#place} 0`);
  }

  /** What another one holds, as if they had been exchanged. */
  showInstead(other: UnderDisk): Promise<void> {
    return this.#become(other.#linear());
  }

  /** A device over a part of it, in bytes, while `work` is done. */
  async window<T>(
    name: string,
    part: { readonly offset: bigint; readonly length: bigint },
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    const table = `0 ${part.length / 512n} linear ${this.path} ${part.offset / 512n}`;
    await run("dmsetup", "create", name, "--table", table);
    try {
      return await work(`/dev/mapper/${name}`);
    } finally {
      await run("dmsetup", "remove", "--retry", name);
    }
  }

  async remove(): Promise<void> {
    await run("dmsetup", "remove", "--retry", this.#name);
    await this.#release();
  }

  async #made(): Promise<this> {
    await run("dmsetup", "create", this.#name, "--table", this.#linear());
    return this;
  }

  #linear(): string {
    return `0 ${this.sectors} linear ${this.#place}`;
  }

  async #become(table: string): Promise<void> {
    await run("dmsetup", "load", this.#name, "--table", table);
    await run("dmsetup", "suspend", "--noflush", "--nolockfs", this.#name);
    await run("dmsetup", "resume", this.#name);
  }
}

function rawDisk(): string {
  const disk = process.env["DMTHIN_DISKS"]?.split(/\s+/)[1];
  if (disk === undefined) throw new Error("DMTHIN_DISKS names no second disk");
  return disk;
}

/** Of all that a device or a part of it holds, read past the page cache. */
export async function digestOf(path: string): Promise<string> {
  const text = await run("sh", "-c", 'dd if="$1" bs=1M iflag=direct status=none | md5sum', "-", path);
  return text.split(" ")[0] ?? "";
}

/** Puts bytes at an offset, past the page cache where both are whole sectors. */
export async function put(path: string, offset: number, content: Uint8Array): Promise<void> {
  const directory = await mkdtemp("/tmp/dmthin-put-");
  try {
    await writeFile(`${directory}/content`, content);
    const whole = offset % 512 === 0 && content.length % 512 === 0;
    await run(
      "dd",
      `if=${directory}/content`,
      `of=${path}`,
      `bs=${content.length}`,
      `seek=${offset}`,
      "count=1",
      `oflag=seek_bytes${whole ? ",direct" : ""}`,
      "conv=notrunc,fsync",
      "status=none",
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}
