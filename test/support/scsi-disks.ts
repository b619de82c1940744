/** Disks that have a model, and come and go: the kernel's own scsi_debug, in its memory. All have one size. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sh } from "./sh.ts";

const HOSTS = "/sys/bus/pseudo/drivers/scsi_debug";
const PARAMETERS = "/sys/module/scsi_debug/parameters";
const PATIENCE_MS = 20_000;

export class ScsiDisks {
  readonly #taken = new Set<string>();

  readonly #mebibytes: number;

  constructor(mebibytes: number) {
    this.#mebibytes = mebibytes;
    sh("modprobe", "sd_mod");
    sh("modprobe", "scsi_debug", `dev_size_mb=${mebibytes}`, "per_host_store=1", "add_host=0");
  }

  /** An empty disk of that model, at most 16 characters; its node. */
  async add(model: string, { removable = false } = {}): Promise<string> {
    writeFileSync(`${PARAMETERS}/inq_product`, model);
    writeFileSync(`${HOSTS}/removable`, removable ? "1" : "0");
    writeFileSync(`${HOSTS}/add_host`, "1");
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      // The kernel looks at a new disk on its own time.
      const name = readdirSync("/sys/block").find(
        (each) => each.startsWith("sd") && this.#isNew(each, model),
      );
      if (name !== undefined) {
        this.#taken.add(name);
        // The kernel gives out again what disks that are gone have held.
        this.blank(`/dev/${name}`);
        return `/dev/${name}`;
      }
      if (performance.now() > end) throw new Error(`no disk of model ${model} came`);
      await sleep(20);
    }
  }

  /** Nothing is left where anybody looks whether a disk is empty. */
  blank(disk: string): void {
    const ends = [
      ["seek=0", "count=3"],
      [`seek=${this.#mebibytes - 1}`, "count=1"],
    ];
    sh("wipefs", "--all", "--quiet", disk);
    for (const end of ends)
      sh("dd", "if=/dev/zero", `of=${disk}`, "bs=1M", ...end, "conv=fsync", "status=none");
  }

  /** Takes all of them out; nothing may use them. */
  clear(): void {
    for (const _disk of this.#taken) writeFileSync(`${HOSTS}/add_host`, "-1");
    this.#taken.clear();
  }

  end(): void {
    this.clear();
    sh("modprobe", "--remove", "scsi_debug");
  }

  #isNew(name: string, model: string): boolean {
    const attribute = (path: string): string => readFileSync(`/sys/block/${name}/${path}`, "utf8").trim();
    return (
      !this.#taken.has(name) &&
      attribute("device/model") === model &&
      attribute("size") !== "0" &&
      existsSync(`/dev/${name}`)
    );
  }
}
