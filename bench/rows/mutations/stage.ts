/** The three sides on which mutations are measured, and what one mutation finds there. */
import type { DmthinSide } from "../../sides/dmthin.ts";
import type { FloorSide } from "../../sides/floor.ts";
import type { Once } from "../../sides/interleave.ts";
import type { LvmSide } from "../../sides/lvm.ts";
import type { Writer } from "../../sides/writer.ts";
import type { Recordings } from "../../model/replay.ts";

export type Name = "dmthin" | "lvm" | "floor";
export type Sides = Readonly<Partial<Record<Name, Once>>>;

export interface Stage {
  readonly dmthin: DmthinSide;
  /** Absent where no row asks for it. */
  readonly lvm?: LvmSide;
  readonly floor?: { readonly side: FloorSide; readonly recordings: Recordings };
  readonly writer: Writer;
}

export const MEBIBYTE = 1n << 20n;

/** Virtual size of volumes here. */
export const VOLUME_MIB = 1024;
export const VOLUME_BYTES = BigInt(VOLUME_MIB) * MEBIBYTE;
