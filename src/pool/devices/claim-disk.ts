/** The first label of a disk. */
import { isDeepStrictEqual } from "node:util";
import type { Runner } from "../../host/run.ts";
import type { Label } from "../label.ts";
import {
  changedMeanwhile,
  copiesOf,
  openExclusive,
  sameCopies,
  writeCopies,
  writeLabel,
  zero,
} from "../label-store.ts";
import { LABEL_AREA } from "../layout.ts";
import { DISK_LABEL_FROM } from "./disk-layout.ts";
import { contentOf } from "./disk-look.ts";
import type { Disk } from "./disk-look.ts";

/**
 * Labels a disk, durably; one that has that label already is left as it is. Without a label of the pool it must still be
 * as it was when the decision was made, and nobody else has it meanwhile; what a person gave up is zeroed first.
 */
export async function claimDisk(runner: Runner, disk: Disk, label: Label): Promise<void> {
  const { device, seen, finding } = disk;
  if (finding.kind === "label" && finding.label.pool === label.pool) {
    if (finding.whole && isDeepStrictEqual(finding.label, label)) return;
    await writeLabel(device.path, label, DISK_LABEL_FROM);
    return;
  }
  await using handle = await openExclusive(device.path);
  if (!sameCopies(await copiesOf(handle, DISK_LABEL_FROM), seen)) throw changedMeanwhile(disk.title);
  if (finding.kind !== "label" && !isDeepStrictEqual(await contentOf(runner, device), finding))
    throw changedMeanwhile(disk.title);
  // Both copies of a partition table, and what lies where the first partition began.
  if (finding.kind !== "blank") await zero(handle, [0n, DISK_LABEL_FROM, device.size - LABEL_AREA]);
  await writeCopies(handle, label, DISK_LABEL_FROM);
}
