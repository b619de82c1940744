/** A mirror of real md on block devices. It takes a number that is free; no udev names it. */
import { existsSync } from "node:fs";

import { run } from "./machine-state.ts";

export class MdArray {
  readonly path: string;
  #runs = true;

  private constructor(path: string) {
    this.path = path;
  }

  /** `metadata`: a version of mdadm's, which says where a member's superblock lies. The members are taken as equal. */
  static async create(metadata: string, members: readonly string[]): Promise<MdArray> {
    const path = freePath();
    const shape = ["--level=1", `--raid-devices=${members.length}`, "--assume-clean", "--bitmap=none"];
    await run("mdadm", "--create", path, "--run", `--metadata=${metadata}`, ...shape, ...members);
    return new MdArray(path);
  }

  static async assemble(members: readonly string[]): Promise<MdArray> {
    const path = freePath();
    await run("mdadm", "--assemble", path, "--run", ...members);
    return new MdArray(path);
  }

  /** It must not be in use. Stopped already: done. */
  async stop(): Promise<void> {
    if (this.#runs) await run("mdadm", "--stop", this.path);
    this.#runs = false;
  }
}

function freePath(): string {
  const number = Array.from({ length: 64 }, (_, index) => 64 + index).find(
    (each) => !existsSync(`/sys/block/md${each}`),
  );
  return `/dev/md${number}`;
}
