/** Loop devices over files of a directory: direct I/O only, matched by device and inode number, never by path. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";

import { z } from "zod";

import type { BlockDevice } from "../core/dm.ts";
import { errnoOf, ParseError, PoolSetupError, PreconditionError } from "../core/errors.ts";
import { describeBlockDevice } from "./block-device.ts";
import { devNumberOf, readAttribute } from "./dm-sysfs.ts";
import type { Runner } from "./run.ts";

/** One attached loop device. */
export interface LoopDevice {
  readonly path: string;
  /** As the kernel shows it: true within the mount namespace that attached it, with ` (deleted)` behind removed files. */
  readonly backFile: string;
  /** Inode of the file, and the device of its filesystem as `major:minor`. */
  readonly inode: bigint;
  readonly device: string;
  readonly directIo: boolean;
  /** Detaches itself at the last close: somebody has asked for its end. */
  readonly autoclear: boolean;
  readonly offset: bigint;
  readonly sizeLimit: bigint;
}

const COLUMNS = "NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,DIO,AUTOCLEAR,OFFSET,SIZELIMIT";

/** Beyond 2^53 too: inode numbers can be, and one such file of somebody else must not make the list unreadable. */
const natural = z.number().nonnegative().refine(Number.isInteger, "not a whole number");

const LISTING = z.object({
  loopdevices: z.array(
    z.object({
      name: z.string().startsWith("/dev/loop"),
      "back-file": z.string().nullable(),
      "back-ino": natural.nullable(),
      "back-maj:min": z.string().nullable(),
      dio: z.boolean(),
      autoclear: z.boolean(),
      offset: natural,
      sizelimit: natural,
    }),
  ),
});

/** Parses `losetup --list --json`; no output at all means none. Throws ParseError. */
export function parseLoopList(text: string): readonly LoopDevice[] {
  if (text.trim() === "") return [];
  const parsed = LISTING.safeParse(readJson(text));
  if (!parsed.success) {
    throw new ParseError(
      "losetup list",
      z.prettifyError(parsed.error),
      text.slice(0, 200),
      "the columns asked for",
    );
  }
  return parsed.data.loopdevices.map((each) => ({
    path: each.name,
    backFile: each["back-file"] ?? "",
    inode: BigInt(each["back-ino"] ?? 0),
    device: (each["back-maj:min"] ?? "").trim(),
    directIo: each.dio,
    autoclear: each.autoclear,
    offset: BigInt(each.offset),
    sizeLimit: BigInt(each.sizelimit),
  }));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ParseError("losetup list", "text", text.slice(0, 200), "JSON");
  }
}

export class Losetup {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  async list(): Promise<readonly LoopDevice[]> {
    const args = ["--list", "--json", "--output", COLUMNS];
    return parseLoopList((await this.#runner.run("losetup", args)).stdout);
  }

  /** Loop devices over that very file (all of it or a part), however it is called now. */
  async find(file: string): Promise<readonly LoopDevice[]> {
    const { dev, ino } = await stat(file, { bigint: true });
    const sameInode = (await this.list()).filter((loop) => loop.inode === ino);
    const sameFile = await Promise.all(
      // btrfs shows another device number to stat than to the loop driver: there the path has to help.
      sameInode.map(
        async (loop) => loop.device === devNumberOf(dev) || (await isFile(loop.backFile, dev, ino)),
      ),
    );
    return sameInode.filter((_, index) => sameFile[index] === true);
  }

  /**
   * Attaches the whole file with direct I/O to a free loop device; a second device over one file is the caller's to
   * avoid (`find`). Throws PoolSetupError where the filesystem below has no direct I/O, leaving nothing attached.
   */
  async attach(file: string): Promise<BlockDevice> {
    const { stdout } = await this.#runner
      .run("losetup", ["--find", "--show", "--direct-io=on", file])
      .catch(explain(file));
    const path = stdout.trim();
    if (!/^\/dev\/loop\d+$/.test(path))
      throw new ParseError("losetup --show", "output", stdout, "/dev/loopN");
    if (readAttribute(`${sysfs(path)}/loop/dio`) !== "1") {
      await this.#runner.run("losetup", ["--detach", path]);
      throw noDirectIo(file);
    }
    return describeBlockDevice(path);
  }

  /** Has an attached device take the size that its file has by now. Answers the device as it is then. */
  async refresh(path: string): Promise<BlockDevice> {
    await this.#runner.run("losetup", ["--set-capacity", path]);
    return describeBlockDevice(path);
  }

  /** Detaches; not attached: done. Throws PreconditionError while something has it open: it then goes at last close. */
  async detach(path: string): Promise<void> {
    if (readAttribute(`${sysfs(path)}/loop/backing_file`) === undefined) return;
    try {
      await this.#runner.run("losetup", ["--detach", path]);
    } catch (error) {
      if (errnoOf(error) !== "ENXIO") throw error;
    }
    // The kernel answers "done" to a detach that it has only put off.
    if (readAttribute(`${sysfs(path)}/loop/autoclear`) === "1") {
      throw new PreconditionError(`${path} is still open somewhere; it detaches at the last close`);
    }
  }
}

const sysfs = (path: string): string => `/sys/block/${basename(path)}`;

async function isFile(path: string, dev: bigint, ino: bigint): Promise<boolean> {
  try {
    const found = await stat(path, { bigint: true });
    return found.dev === dev && found.ino === ino;
  } catch {
    return false;
  }
}

const noDirectIo = (file: string): PoolSetupError =>
  new PoolSetupError(
    `${file}: its filesystem cannot do direct I/O for loop devices; put the pool's directory on ext4 or xfs on a disk (not tmpfs, not overlay)`,
  );

const explain =
  (file: string) =>
  (error: unknown): never => {
    if (errnoOf(error) === "EINVAL") throw noDirectIo(file);
    throw error;
  };
