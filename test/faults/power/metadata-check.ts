/** The thin metadata as it lies on the disk, checked without the driver and without the kernel's pool. */
import { existsSync } from "node:fs";

import { readLabelCopies } from "../../../src/pool/label-store.ts";
import { run } from "../../support/machine-state.ts";
import { textOf, type Findings } from "./findings.ts";

/**
 * `path`: device or file with the label; nothing may use it now. A pool that is not made yet has nothing to check. Answers
 * how many data blocks the kernel has leaked: it takes a block in one transaction and maps it, when it is copied or zeroed,
 * in a later one; a power cut between the two leaves a block in use that nothing maps. thin_check calls that no fatal error.
 */
export async function checkMetadata(findings: Findings, path: string, when: string): Promise<number> {
  if (!existsSync(path)) return 0;
  const { reading } = await readLabelCopies(await run("readlink", "-f", path));
  if (reading.kind === "unreadable")
    findings.report(4, `${when}: the label is not readable: ${reading.reason}`);
  if (reading.kind !== "label" || reading.label.state !== "ready") return 0;
  const { offset, length } = reading.label.extents.meta;
  const part = ["--offset", String(offset), "--sizelimit", String(length)];
  const loop = await run("losetup", "--find", "--show", "--read-only", ...part, path);
  try {
    return await leaksIn(findings, loop, when);
  } finally {
    await run("losetup", "--detach", loop);
  }
}

async function leaksIn(findings: Findings, device: string, when: string): Promise<number> {
  const complaint = await run("thin_check", device).then(
    () => undefined,
    (error: unknown) => textOf(error),
  );
  if (complaint === undefined) return 0;
  const sound = await findings.attempt(2, `${when}: ${complaint}`, () =>
    run("thin_check", "--ignore-non-fatal-errors", device),
  );
  return sound === undefined ? 0 : Number(/(\d+) data blocks have leaked/.exec(complaint)?.[1] ?? 0);
}
