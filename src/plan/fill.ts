/** How full a pool is, in the levels that people are warned of. Pure. */
import type { PoolStatus } from "../core/dm.ts";
import type { Bytes } from "../core/units.ts";

/** Percent. The kernel's one event before a pool is full is set to the first of them. */
export const WARNING_PERCENTS = [80, 90, 95] as const;

/** 0: below all warnings. 100: nothing left, or not usable for want of it. */
export type Level = 0 | (typeof WARNING_PERCENTS)[number] | 100;

export interface Fill {
  readonly data: Level;
  readonly metadata: Level;
}

type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

/** `hostBytes`, for loop pools: what the filesystem below can give and has given; less than the data, it is the limit. */
export function fillOf(status: ActiveStatus, blockSize: Bytes, hostBytes?: Bytes): Fill {
  const { usedData, totalData, usedMeta, totalMeta, mode } = status;
  const given = hostBytes === undefined ? totalData : hostBytes / blockSize;
  const data = levelOf(usedData, given < totalData ? given : totalData);
  // Read-only without a wish for a check is the kernel's way to say that the metadata is full.
  const outOfMetadata = mode === "ro" && !status.needsCheck;
  return {
    data: mode === "out_of_data_space" ? 100 : data,
    metadata: outOfMetadata ? 100 : levelOf(usedMeta, totalMeta),
  };
}

function levelOf(used: bigint, total: bigint): Level {
  if (used >= total) return 100;
  const percent = Number((used * 100n) / total);
  return WARNING_PERCENTS.findLast((each) => percent >= each) ?? 0;
}
