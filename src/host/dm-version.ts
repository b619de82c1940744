/** Versions of device-mapper, for people. */
import { ParseError } from "../core/errors.ts";
import type { DmVersions } from "../core/pool-report.ts";
import type { Runner } from "./run.ts";

export async function dmVersions(runner: Runner): Promise<DmVersions> {
  return parseDmVersions((await runner.run("dmsetup", ["version"])).stdout);
}

/** Two lines, `Library version:   1.02.205 (2025-02-27)` and `Driver version:    4.50.0`. Throws ParseError. */
export function parseDmVersions(text: string): DmVersions {
  const line = (name: string): string => {
    const [, version] = new RegExp(`^${name} version:\\s+(\\S.*?)\\s*$`, "m").exec(text) ?? [];
    if (version === undefined) throw new ParseError("dmsetup version", `${name} version`, text, "a version");
    return version;
  };
  return { library: line("Library"), kernel: line("Driver") };
}
