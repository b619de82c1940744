/** What is wrong with a pool, from what the driver knows of it anyway. Pure. */
import type { PoolMode } from "../core/dm.ts";
import type { AbsenceTrouble, ActiveCondition, ConditionType } from "../core/pool-report.ts";
import { formatBytes } from "../core/units.ts";
import type { Fill, Use } from "./fill.ts";

export interface PoolView {
  readonly mode: PoolMode;
  readonly needsCheck: boolean;
  readonly fill: Fill;
  /** Why the fence keeps the pool read-only; absent: it does not. */
  readonly fenced?: string;
  /** Its thin-pool device is not there. */
  readonly deviceGone: boolean;
}

/** Of an open pool; nothing: all is well. */
export function conditionsOf({
  mode,
  needsCheck,
  fill,
  fenced,
  deviceGone,
}: PoolView): readonly ActiveCondition[] {
  const { data, metadata } = fill;
  return [
    // At 100 it is another condition: people act differently before and after.
    ...when(data.level > 0 && data.level < 100, "DataLow", `its data is filling: ${amount(data)}`),
    ...when(metadata.level > 0, "MetadataLow", `its metadata is filling: ${amount(metadata)}`),
    ...when(data.level === 100, "OutOfData", `its data is full: ${amount(data)}`),
    ...when(needsCheck, "NeedsCheck", "the kernel asks for a check of its metadata (needs_check is set)"),
    ...when(mode === "ro", "ReadOnly", "the kernel has made it read-only"),
    ...when(mode !== "ro" && fenced !== undefined, "ReadOnly", fenced ?? ""),
    ...when(deviceGone, "DeviceMissing", "its thin-pool device was removed"),
    ...when(fenced !== undefined, "ForeignWriter", fenced ?? ""),
  ];
}

const OF_ABSENCE = {
  "device-missing": ["DeviceMissing"],
  "needs-check": ["NeedsCheck", "ReadOnly"],
  "read-only": ["ReadOnly"],
  // The kernel says no more than that it failed; nothing else than a check helps.
  failed: ["NeedsCheck"],
} as const satisfies Record<AbsenceTrouble, readonly ConditionType[]>;

/** Of a pool that is not open; nothing: the reason of its absence is of none of these kinds. */
export function conditionsOfAbsent(reason: string, trouble?: AbsenceTrouble): readonly ActiveCondition[] {
  return trouble === undefined ? [] : OF_ABSENCE[trouble].map((type) => ({ type, reason }));
}

const when = (holds: boolean, type: ConditionType, reason: string): readonly ActiveCondition[] =>
  holds ? [{ type, reason }] : [];

function amount({ used, total }: Use): string {
  const percent = total === 0n ? 100n : (used * 100n) / total;
  return `${percent} % (${formatBytes(used)} of ${formatBytes(total)})`;
}
