/**
 * A volume group of real LVM on loop devices. LVM has a configuration of its own here: it sees these disks and no others,
 * and keeps its backups beside them.
 */
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { run } from "./machine-state.ts";
import { scratchDirectory } from "./scratch.ts";

/** At 70 % in use, 20 % more. No command starts dmeventd by itself: it would outlive the group. */
const AUTOEXTEND = "thin_pool_autoextend_threshold = 70 thin_pool_autoextend_percent = 20";

export class VolumeGroup {
  readonly name: string;
  /** Physical volumes. */
  readonly disks: readonly string[];
  readonly #directory: string;

  private constructor(name: string, disks: readonly string[], directory: string) {
    this.name = name;
    this.disks = disks;
    this.#directory = directory;
  }

  /** One disk of each size in MiB. */
  static async create(name: string, sizes: readonly number[]): Promise<VolumeGroup> {
    const directory = await mkdtemp(join(scratchDirectory(), "vg-"));
    const disks: string[] = [];
    for (const [index, mebibytes] of sizes.entries()) {
      const file = join(directory, `${index}.img`);
      await writeFile(file, "");
      await truncate(file, mebibytes * 2 ** 20);
      disks.push(await run("losetup", "--find", "--show", "--direct-io=on", file));
    }
    const group = new VolumeGroup(name, disks, directory);
    await mkdir(group.#system);
    const seen = [...disks.map((disk) => `"a|^${disk}$|"`), '"r|.*|"'].join(", ");
    await writeFile(
      join(group.#system, "lvm.conf"),
      `devices { filter = [ ${seen} ] }\nactivation { monitoring = 0 ${AUTOEXTEND} }\nglobal { use_lvmpolld = 0 }\n`,
    );
    await group.lvm("vgcreate", name, ...disks);
    return group;
  }

  /** `vgchange`, `lvextend`, …: answers what it printed, throws what it complained of. */
  lvm(command: string, ...args: readonly string[]): Promise<string> {
    return run("env", ...this.environment, command, ...args);
  }

  /** For programs of LVM that go on in the background. */
  get environment(): readonly string[] {
    return [`LVM_SYSTEM_DIR=${this.#system}`];
  }

  /** For commands, `group/volume`. */
  lv(volume: string): string {
    return `${this.name}/${volume}`;
  }

  path(volume: string): string {
    return `/dev/${this.name}/${volume}`;
  }

  /** One field of `lvs`. */
  field(volume: string, field: string): Promise<string> {
    return this.lvm("lvs", "--noheadings", "--units=m", "--nosuffix", "-o", field, this.lv(volume));
  }

  /** Nothing of it may be in use. */
  async remove(): Promise<void> {
    await this.lvm("vgremove", "-ff", "--yes", this.name);
    for (const disk of this.disks) await run("losetup", "--detach", disk);
    await rm(this.#directory, { recursive: true });
  }

  get #system(): string {
    return join(this.#directory, "lvm");
  }
}
