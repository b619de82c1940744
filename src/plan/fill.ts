/** How full a pool is, in the levels that people are warned of. Pure. */
import type { PoolStatus } from "../core/dm.ts";
import { FIRST_WARNING_PERCENT } from "../core/pool-options.ts";
import type { PoolFigures } from "../core/pool-report.ts";
import { bytes, bytesFromMetaBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";

/** Percent. The kernel's one event before a pool is full is set to the first of them. */
export const WARNING_PERCENTS = [FIRST_WARNING_PERCENT, 90, 95] as const;
/** Percent. A warning ends below this, so that a pool that hovers at a level does not repeat itself. */
const CALM_PERCENT = 75n;

/** 0: below all warnings. 100: nothing left, or not usable for want of it. */
export type Level = 0 | (typeof WARNING_PERCENTS)[number] | 100;

export interface Use {
  readonly used: Bytes;
  readonly total: Bytes;
  readonly level: Level;
  /** Well below all warnings. */
  readonly calm: boolean;
}

export interface Fill {
  readonly data: Use;
  readonly metadata: Use;
}

type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

/** `hostBytes`, for loop pools: what the filesystem below can give and has given; less than the data, it is the limit. */
export function fillOf(status: ActiveStatus, blockSize: Bytes, hostBytes?: Bytes): Fill {
  const { usedData, totalData, usedMeta, totalMeta, mode } = status;
  const all = totalData * blockSize;
  const given = hostBytes === undefined || hostBytes > all ? all : hostBytes;
  return levelsOf({
    mode,
    needsCheck: status.needsCheck,
    data: { used: bytes(usedData * blockSize), size: bytes(all) },
    dataLimit: bytes(given),
    metadata: { used: bytesFromMetaBlocks(usedMeta), size: bytesFromMetaBlocks(totalMeta) },
  });
}

/** The same of a pool as it was reported. */
export function levelsOf({
  mode,
  needsCheck,
  data,
  dataLimit,
  metadata,
}: Pick<PoolFigures, "mode" | "needsCheck" | "data" | "dataLimit" | "metadata">): Fill {
  // Read-only without a wish for a check is the kernel's way to say that the metadata is full.
  const outOfMetadata = mode === "ro" && !needsCheck;
  return {
    data: useOf(data.used, dataLimit, mode === "out_of_data_space"),
    metadata: useOf(metadata.used, metadata.size, outOfMetadata),
  };
}

function useOf(used: Bytes, total: Bytes, out: boolean): Use {
  const full = out || used >= total;
  const percent = total === 0n ? 100n : (used * 100n) / total;
  const level = WARNING_PERCENTS.findLast((each) => percent >= each) ?? 0;
  return { used, total, level: full ? 100 : level, calm: !full && percent < CALM_PERCENT };
}
