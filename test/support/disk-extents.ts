/** Extents in MiB, for tests of whole disks. */
import { MIB } from "../../src/core/units.ts";
import { runsOf } from "../../src/pool/layout.ts";
import type { Extents } from "../../src/pool/layout.ts";

/** `role member offset+length`, in the order of the dm-linear devices. */
export const runsIn = (extents: Extents): readonly string[] =>
  runsOf(extents).map(
    ({ role, member, offset, length }) => `${role} ${member} ${mebibytes(offset)}+${mebibytes(length)}`,
  );

const mebibytes = (size: bigint): string => String(Number((size * 16n) / MIB) / 16);
