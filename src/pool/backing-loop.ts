/**
 * Backing `loop`: files in a directory of the pool's own, behind loop devices with direct I/O. Metadata, spare and
 * catalog are fully allocated, so that only the data can meet a full filesystem. A file gets its name only together
 * with its label: what a crash in creation leaves is a `.new` file, made afresh, or a complete one.
 */
import { constants } from "node:fs";
import { chmod, mkdir, open, rename, rm, stat, statfs, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlockDevice } from "../core/dm.ts";
import { messageOf, PoolSetupError, systemErrnoOf } from "../core/errors.ts";
import { LOOP_FILES } from "../core/pool-options.ts";
import type { LoopFile, LoopPoolOptions } from "../core/pool-options.ts";
import { bytes, formatBytes, MIB } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { describeBlockDevice, isClaimed, isReadOnly } from "../host/block-device.ts";
import { syncDirectory } from "../host/sync-directory.ts";
import { Losetup } from "../host/losetup.ts";
import type { LoopDevice } from "../host/losetup.ts";
import type { Runner } from "../host/run.ts";
import type { Backing } from "./backing.ts";
import { holdersOf } from "./backing-parts.ts";
import type { Finding, Observation } from "./decision.ts";
import { growLoop, sameExtents } from "./growth.ts";
import type { Growth, Wish } from "./growth.ts";
import type { Label } from "./label.ts";
import { readLabelCopies, writeCopies, writeLabel } from "./label-store.ts";
import { layoutLoop, MEMBER_ROLES, memberEnd } from "./layout.ts";
import type { Extents, MemberRole } from "./layout.ts";
import { directoryEntries, requireFilesystem, requireOwnDirectory } from "./loop-directory.ts";

/** Left to the host when a pool is made: the catalog of its directory, its logs. */
const HOST_RESERVE = 16n * MIB;

interface LoopMember {
  readonly observation: Observation;
  readonly finding: Finding;
}

export class LoopBacking implements Backing {
  readonly kind = "loop";
  readonly #options: LoopPoolOptions;
  readonly #members = new Map<MemberRole, LoopMember>();

  constructor(options: LoopPoolOptions) {
    this.#options = options;
  }

  async observe(runner: Runner): Promise<readonly Observation[]> {
    const { directory, name } = this.#options;
    await requireFilesystem(directory);
    await requireOwnDirectory(directory);
    for (const role of MEMBER_ROLES) {
      try {
        const observation = await this.#look(runner, role);
        this.#members.set(role, { observation, finding: observation.finding });
      } catch (error) {
        if (error instanceof PoolSetupError) throw error;
        throw new PoolSetupError(
          `pool ${name}: ${this.#path(role)} cannot be looked at (${messageOf(error)}); nothing was changed`,
          { cause: error },
        );
      }
    }
    return [...this.#members.values()].map((member) => member.observation);
  }

  async layout(): Promise<Extents> {
    const { directory, name } = this.#options;
    const extents = layoutLoop(this.#options);
    const needed = MEMBER_ROLES.filter((role) => role !== "data").reduce(
      (sum, role) => sum + memberEnd(extents, role),
      HOST_RESERVE,
    );
    const free = await freeBytes(directory);
    if (free >= needed) return extents;
    throw new PoolSetupError(
      `pool ${name}: the filesystem of ${directory} has ${formatBytes(free)} free; catalog, metadata and spare need ${formatBytes(needed)} before any data: free some, or set metadataSize lower`,
    );
  }

  async claim(runner: Runner, label: Label): Promise<void> {
    const path = this.#path(label.member);
    const found = this.#members.get(label.member)?.finding;
    if (found?.kind === "label" && found.label.pool === label.pool) {
      if (!found.whole) await writeLabel(path, label);
      return;
    }
    await this.#makeDirectory();
    const partial = `${path}.new`;
    await rm(partial, { force: true });
    await this.#makeFile(runner, partial, label);
    await rename(partial, path);
    await syncDirectory(this.#options.directory);
  }

  async attach(runner: Runner, role: MemberRole): Promise<BlockDevice> {
    const losetup = new Losetup(runner);
    const path = this.#path(role);
    await this.#fillHoles(runner, path);
    const attached = await this.#attached(losetup, path);
    if (attached !== undefined && !attached.directIo) {
      throw new PoolSetupError(
        `pool ${this.#options.name}: ${path} is attached to ${attached.path} without direct I/O; detach it with losetup -d`,
      );
    }
    const device =
      attached === undefined ? await losetup.attach(path) : await describeBlockDevice(attached.path);
    if (!isReadOnly(device.number)) return device;
    // Of a device found free: somebody set the flag once, and it outlives the file that was attached then.
    if (attached === undefined) await losetup.detach(device.path);
    throw new PoolSetupError(
      `pool ${this.#options.name}: ${device.path} is read-only; make it writable with blockdev --setrw`,
    );
  }

  /** As when a pool is made: the filesystem below must have room for metadata and spare; the data file is sparse. */
  async growth({ extents, blockSize }: Label, wish: Wish): Promise<Growth> {
    const { directory } = this.#options;
    const growth = growLoop(extents, blockSize, wish);
    if (sameExtents(extents, growth.extents)) return growth;
    const { meta, spare } = growth.extents;
    const free = await freeBytes(directory);
    const short = (needed: bigint, what: string): string =>
      `the filesystem of ${directory} has ${formatBytes(free)} free; ${what} needs ${formatBytes(needed)}: free some`;
    if (free < HOST_RESERVE)
      return { extents, refusals: [...growth.refusals, short(HOST_RESERVE, "growing")] };
    const needed = 2n * (meta.length - extents.meta.length) + HOST_RESERVE;
    if (meta.length === extents.meta.length || free >= needed) return growth;
    return {
      extents: { ...growth.extents, meta: extents.meta, spare: extents.spare },
      refusals: [
        ...growth.refusals,
        short(needed, `thin metadata of ${formatBytes(spare.length)} with its spare`),
      ],
    };
  }

  async extend(runner: Runner, role: MemberRole, { extents }: Label): Promise<BlockDevice> {
    const end = memberEnd(extents, role);
    const path = this.#path(role);
    if ((await stat(path, { bigint: true })).size < end) {
      // Allocation as when the file was made. On the disk before a label speaks of it.
      if (role === "data") await truncate(path, Number(end));
      else await runner.run("fallocate", ["--length", `${end}`, path]);
      await using handle = await open(path, constants.O_RDWR);
      await handle.sync();
    }
    const device = await this.attach(runner, role);
    return device.size >= end ? device : new Losetup(runner).refresh(device.path);
  }

  async detach(runner: Runner, role: MemberRole): Promise<void> {
    const losetup = new Losetup(runner);
    for (const loop of await losetup.find(this.#path(role))) await losetup.detach(loop.path);
  }

  readonly hostBytes = async (): Promise<Bytes> => {
    const { blocks } = await stat(this.#path("data"), { bigint: true });
    return bytes((await freeBytes(this.#options.directory)) + blocks * 512n);
  };

  #path(role: MemberRole): string {
    return join(this.#options.directory, fileOf(role));
  }

  async #look(runner: Runner, role: MemberRole): Promise<Observation> {
    const path = this.#path(role);
    const entry = (await directoryEntries(this.#options.directory)).find(
      (each) => each.name === fileOf(role),
    );
    const nothing = {
      role,
      path,
      size: bytes(0),
      forced: false,
      readOnly: false,
      holders: [],
      claimed: false,
    };
    if (entry === undefined) return { ...nothing, finding: { kind: "absent" } };
    if (!entry.isFile()) return { ...nothing, finding: { kind: "foreign", what: "no plain file" } };
    const devices = await Promise.all(
      (await new Losetup(runner).find(path)).map((loop) => describeBlockDevice(loop.path)),
    );
    const holders = devices.flatMap(holdersOf);
    const claims = await Promise.all(devices.map((device) => isClaimed(device.path)));
    const { reading } = await readLabelCopies(path);
    return {
      ...nothing,
      size: bytes((await stat(path, { bigint: true })).size),
      finding: reading.kind === "none" ? { kind: "foreign", what: "no dmthin label" } : reading,
      forced: this.#options.force.includes(fileOf(role)),
      readOnly: devices.some((device) => isReadOnly(device.number)),
      holders,
      claimed: holders.length === 0 && claims.includes(true),
    };
  }

  async #makeDirectory(): Promise<void> {
    const { directory } = this.#options;
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    if (made !== undefined) await syncDirectory(dirname(made));
  }

  /**
   * Of files that were allocated when they were made: whoever copies files (`cp`, `tar --sparse`) leaves holes where nothing was
   * written yet, and a write into a hole fails when the filesystem is full. Room for all of them is asked for before the first
   * file is filled or attached.
   */
  async #fillHoles(runner: Runner, path: string): Promise<void> {
    const { name, directory } = this.#options;
    let all = 0n;
    let own = false;
    for (const each of MEMBER_ROLES.filter((role) => role !== "data").map((role) => this.#path(role))) {
      const { size, blocks } = await stat(each, { bigint: true });
      if (blocks * 512n >= size) continue;
      all += size - blocks * 512n;
      own ||= each === path;
    }
    if (all === 0n) return;
    const free = await freeBytes(directory);
    if (free < all)
      throw new PoolSetupError(
        `pool ${name}: its files have ${formatBytes(all)} of holes, as copied files have, and the filesystem of ${directory} has ${formatBytes(free)} free to allocate them: free some`,
      );
    if (!own) return;
    await runner.run("fallocate", ["--length", `${(await stat(path, { bigint: true })).size}`, path]);
    await using handle = await open(path, constants.O_RDWR);
    await handle.sync();
  }

  async #makeFile(runner: Runner, path: string, label: Label): Promise<void> {
    const size = memberEnd(label.extents, label.member);
    const { O_CREAT, O_EXCL, O_RDWR, O_DIRECT } = constants;
    const created = await open(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
    await created.close();
    try {
      await (await open(path, O_RDWR | O_DIRECT)).close();
    } catch (error) {
      await rm(path);
      throw new PoolSetupError(
        `pool ${this.#options.name}: the filesystem of ${this.#options.directory} has no direct I/O; use ext4 or xfs on a disk`,
        { cause: error },
      );
    }
    if (label.member === "data") await truncate(path, Number(size));
    else await runner.run("fallocate", ["--length", `${size}`, path]);
    await using handle = await open(path, O_RDWR);
    await writeCopies(handle, label);
  }

  /** Of several devices over one file, the one that the pool's dm devices stand on; never one about to vanish. */
  async #attached(losetup: Losetup, path: string): Promise<LoopDevice | undefined> {
    const whole = (await losetup.find(path)).filter((loop) => loop.offset === 0n && loop.sizeLimit === 0n);
    const held = await Promise.all(
      whole.map(async (loop) => holdersOf(await describeBlockDevice(loop.path)).length > 0),
    );
    return whole.find((_, index) => held[index]) ?? whole.find((loop) => !loop.autoclear);
  }
}

const fileOf = (role: MemberRole): LoopFile => FILES[role];

const [METADATA, DATA, SPARE, CATALOG] = LOOP_FILES;
const FILES: Readonly<Record<MemberRole, LoopFile>> = {
  metadata: METADATA,
  data: DATA,
  spare: SPARE,
  catalog: CATALOG,
};

/** Of the filesystem that holds the path, or will. */
async function freeBytes(path: string): Promise<Bytes> {
  try {
    const { bavail, bsize } = await statfs(path, { bigint: true });
    return bytes(bavail * bsize);
  } catch (error) {
    if (systemErrnoOf(error) !== "ENOENT" || path === "/") throw error;
    return freeBytes(dirname(path));
  }
}
