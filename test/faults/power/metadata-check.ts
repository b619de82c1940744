/** The thin metadata as it lies on the disk, checked without the driver and without the kernel's pool. */
import { readLabelCopies } from "../../../src/pool/label-store.ts";
import { run } from "../../support/machine-state.ts";
import type { Findings } from "./findings.ts";

/** Nothing may have the metadata open for writing. A pool that is not made yet has nothing to check. */
export async function checkMetadata(findings: Findings, metadataDevice: string, when: string): Promise<void> {
  const path = await run("readlink", "-f", metadataDevice);
  const { reading } = await readLabelCopies(path);
  if (reading.kind === "none") return;
  if (reading.kind === "unreadable")
    return findings.report(4, `${when}: the label is not readable: ${reading.reason}`);
  const { label } = reading;
  if (label.state !== "ready") return;
  const { offset, length } = label.extents.meta;
  const name = "power-check-metadata";
  const table = `0 ${length / 512n} linear ${path} ${offset / 512n}`;
  await run("dmsetup", "create", name, "--readonly", "--table", table);
  await findings.attempt(2, `${when}: thin_check`, () => run("thin_check", `/dev/mapper/${name}`));
  await run("dmsetup", "remove", "--retry", name);
}
