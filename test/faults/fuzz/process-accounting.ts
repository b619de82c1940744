/** The kernel's own list of the programs that ran, by acct(2): nobody can start one and leave it out. */
import { readFile, writeFile } from "node:fs/promises";

import { run } from "../../support/machine-state.ts";

/** Records of linux/acct.h. */
const RECORD_BYTES = 64;
const FLAG_AT = 0;
const VERSION_AT = 1;
/** Where the name is, by the version of the record. */
const NAME_AT: Readonly<Record<number, number>> = { 2: 36, 3: 48 };
const NAME_BYTES = 16;
/** Forked and never became a program of its own: threads of the kernel, and processes that ended before. */
const FORKED_ONLY = 1;
/** acct is 163 on x86_64. */
const ACCT = "my $path = shift; syscall(163, defined $path ? $path : 0) == 0 or die $!";

export class ProcessAccounting {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static async start(file: string): Promise<ProcessAccounting> {
    await writeFile(file, "");
    await run("perl", "-e", ACCT, file);
    return new ProcessAccounting(file);
  }

  /** Names of the programs that ended since, sorted, each once; `perl`, which switched this on, is not among them. */
  async stop(): Promise<readonly string[]> {
    await run("perl", "-e", ACCT);
    const records = await readFile(this.#file);
    const names = new Set<string>();
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
      const record = records.subarray(at, at + RECORD_BYTES);
      const start = NAME_AT[(record[VERSION_AT] ?? 0) & 0xf];
      if (start === undefined) throw new Error(`unknown record of acct: ${record.toString("hex")}`);
      const [name = ""] = record.toString("utf8", start, start + NAME_BYTES).split("\0");
      if (((record[FLAG_AT] ?? 0) & FORKED_ONLY) === 0) names.add(name);
    }
    names.delete("perl");
    return [...names].toSorted();
  }
}
