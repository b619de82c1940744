/** A disk that goes bad when told: three dm devices over the second disk of the test kernel, for one pool of backing `parts`. */
import { mkdtemp, rm } from "node:fs/promises";

import { run } from "../../support/machine-state.ts";

export const ROLES = ["data", "metadata", "catalog"] as const;
export type Role = (typeof ROLES)[number];
/** What goes bad at once. */
export type Part = Role | "whole disk";

/** How a device behaves; `losing writes` acknowledges them. */
export type Way = "failing" | "refusing writes" | "losing writes" | "up and down" | "slow" | "stuck";

const MIB = 2048;
const SECTORS: Readonly<Record<Role, number>> = {
  catalog: 256 * MIB,
  metadata: 512 * MIB,
  data: 6144 * MIB,
};
/** The thin metadata are read and written one block after the other. */
const SLOW_MS: Readonly<Record<Role, number>> = { data: 2000, catalog: 2000, metadata: 400 };

export class BadDisk {
  readonly #disk: string;
  readonly #stuck = new Set<Role>();

  private constructor(disk: string) {
    this.#disk = disk;
  }

  /** Blank and well. */
  static async lay(): Promise<BadDisk> {
    const disk = new BadDisk(process.env["DMTHIN_DISKS"]?.split(/\s+/)[1] ?? "/missing");
    for (const role of ROLES) {
      await run("dmsetup", "create", nameOf(role), "--table", disk.#table(role));
      await copy("/dev/zero", disk.path(role));
    }
    return disk;
  }

  path(role: Role): string {
    return `/dev/mapper/${nameOf(role)}`;
  }

  /** Blanks the first two MiB of each device, while nobody has them. Returns how to bring them back. */
  async takeLabels(): Promise<() => Promise<void>> {
    const directory = await mkdtemp("/tmp/labels-");
    for (const role of ROLES) {
      await copy(this.path(role), `${directory}/${role}`);
      await copy("/dev/zero", this.path(role));
    }
    return async () => {
      // The primary one last: until then there are devices without their pool.
      for (const role of ["data", "catalog", "metadata"] as const)
        await copy(`${directory}/${role}`, this.path(role));
      await rm(directory, { recursive: true });
    };
  }

  /** Where labels would be. */
  async isBlank(): Promise<boolean> {
    const ends = ROLES.map((role) => run("cmp", "--bytes=2097152", this.path(role), "/dev/zero"));
    return (await Promise.allSettled(ends)).every(({ status }) => status === "fulfilled");
  }

  async turn(part: Part, way: Way): Promise<void> {
    for (const role of rolesOf(part)) {
      // With its I/O on the way, as real disks go bad.
      await this.#hold(role);
      if (way !== "stuck") await this.#show(role, this.#table(role, way));
    }
  }

  async heal(part: Part): Promise<void> {
    for (const role of rolesOf(part)) {
      await this.#hold(role);
      await this.#show(role, this.#table(role));
    }
  }

  async remove(): Promise<void> {
    for (const role of ROLES) await run("dmsetup", "remove", "--retry", nameOf(role));
  }

  async #hold(role: Role): Promise<void> {
    if (!this.#stuck.has(role)) await run("dmsetup", "suspend", "--noflush", "--nolockfs", nameOf(role));
    this.#stuck.add(role);
  }

  async #show(role: Role, table: string): Promise<void> {
    await run("dmsetup", "load", nameOf(role), "--table", table);
    await run("dmsetup", "resume", nameOf(role));
    this.#stuck.delete(role);
  }

  #table(role: Role, way?: Exclude<Way, "stuck">): string {
    const length = SECTORS[role];
    const begin = ROLES.slice(0, ROLES.indexOf(role)).reduce((sum, each) => sum + SECTORS[each], 0);
    const place = `${this.#disk} ${begin}`;
    switch (way) {
      case undefined:
        return `0 ${length} linear ${place}`;
      case "failing":
        return `0 ${length} error`;
      case "refusing writes":
        return `0 ${length} flakey ${place} 0 3600 1 error_writes`;
      case "losing writes":
        return `0 ${length} flakey ${place} 0 3600 1 drop_writes`;
      case "up and down":
        return `0 ${length} flakey ${place} 1 1`;
      case "slow":
        return `0 ${length} delay ${place} ${SLOW_MS[role]}`;
    }
  }
}

const rolesOf = (part: Part): readonly Role[] => (part === "whole disk" ? ROLES : [part]);

/** The first two MiB. */
const copy = (from: string, to: string): Promise<string> =>
  run("dd", `if=${from}`, `of=${to}`, "bs=1M", "count=2", "conv=fsync,notrunc", "status=none");

const nameOf = (role: Role): string => `under-${role}`;
