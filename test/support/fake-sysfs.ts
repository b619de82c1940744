/** A directory that looks like /sys with dm devices, and a tool that resumes them as the kernel would. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ResumeTool } from "../../src/host/suspended-devices.ts";

export interface FakeDevice {
  readonly name: string;
  readonly uuid: string;
  readonly suspended: boolean;
}

export class FakeSysfs {
  readonly root = mkdtempSync(join(tmpdir(), "dmthin-sys-"));
  /** What the tool was asked for, in order. */
  readonly commands: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(devices: readonly FakeDevice[]) {
    mkdirSync(join(this.root, "block/sda"), { recursive: true });
    for (const [number, device] of devices.entries()) {
      this.#numbers.set(device.uuid, number);
      const directory = join(this.root, `block/dm-${number}/dm`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, "name"), `${device.name}\n`);
      writeFileSync(join(directory, "uuid"), `${device.uuid}\n`);
      this.#suspend(number, device.suspended);
    }
  }

  /** `failures` more calls fail first. */
  tool(failures = 0): ResumeTool {
    let left = failures;
    return (tool, args) => {
      this.commands.push([tool, ...args].join(" "));
      left -= 1;
      if (left >= 0) return Promise.reject(new Error(`${tool}: Device or resource busy`));
      const number = this.#numbers.get(args.at(-1) ?? "");
      if (number !== undefined) this.#suspend(number, false);
      return Promise.resolve();
    };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #suspend(number: number, suspended: boolean): void {
    writeFileSync(join(this.root, `block/dm-${number}/dm/suspended`), suspended ? "1\n" : "0\n");
  }
}
