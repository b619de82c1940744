/** Output captured from real tools by test/fixtures/capture.sh. */
import { readFileSync } from "node:fs";

import type { Ended } from "../../src/host/start-process.ts";

const DIRECTORY = new URL("../fixtures/", import.meta.url);

/** The captures of dmsetup, one directory a kernel. */
export const DMSETUP_CAPTURES = ["dmsetup-1.02.205-linux-6.1", "dmsetup-1.02.205-linux-7.2"] as const;
export const THIN_TOOLS_CAPTURES = ["thin-tools-0.9.0", "thin-tools-1.1.0"] as const;

/** Standard output of a command, as `directory/name`. */
export function captured(name: string): string {
  return readFileSync(new URL(`${name}.txt`, DIRECTORY), "utf8");
}

/** A command that failed, `fails-` left out of its name: its standard error and its exit code. */
export function capturedFailure(directory: string, name: string): Ended {
  const [, stderr, exitCode] = /^([^]*)exit code (\d+)\n$/.exec(captured(`${directory}/fails-${name}`)) ?? [];
  if (stderr === undefined || exitCode === undefined)
    throw new Error(`not a captured failure: ${directory}/${name}`);
  return { stdout: "", stderr, exitCode: Number(exitCode) };
}
