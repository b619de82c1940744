/** When an open pool grows by itself, and towards what. Pure. */
import type { AutoGrow, LoopAutoGrow } from "../core/pool-options.ts";
import { bytes, formatBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Fill, Use } from "./fill.ts";

/** What the pool's devices give it now. */
export interface PoolSizes {
  readonly data: Bytes;
  readonly metadata: Bytes;
}

export interface DueGrowth {
  /** Absent: what the data device has room for. */
  readonly dataSize?: Bytes;
  /** As far as there is room. */
  readonly metadataTowards?: Bytes;
  /** Nothing is left: what was held back for this day may be used. */
  readonly releasesReserve: boolean;
  /** In words. */
  readonly why: string;
  /** Equal where a second try could do no better than the first. */
  readonly key: string;
}

/** Undefined: nothing is due. */
export function dueGrowth(
  { data, metadata }: Fill,
  now: PoolSizes,
  rule: AutoGrow | LoopAutoGrow,
): DueGrowth | undefined {
  // Where the filesystem below is what lacks room, a longer file has none either.
  const dataIsDue = isDue(data, rule) && data.total >= now.data;
  const dataSize = "step" in rule && dataIsDue ? longerData(now.data, rule) : undefined;
  const looksAtDevice = dataIsDue && !("step" in rule);
  const metadataTowards = rule.metadata && isDue(metadata, rule) ? bytes(2n * now.metadata) : undefined;
  if (dataSize === undefined && metadataTowards === undefined && !looksAtDevice) return undefined;
  return {
    ...(dataSize === undefined ? {} : { dataSize }),
    ...(metadataTowards === undefined ? {} : { metadataTowards }),
    releasesReserve: dataIsDue && data.level === 100,
    why: [
      ...(dataSize !== undefined || looksAtDevice ? [wordsOf("data", data)] : []),
      ...(metadataTowards === undefined ? [] : [wordsOf("metadata", metadata)]),
    ].join(" and "),
    key: [data.level, now.data, metadata.level, now.metadata].join(" "),
  };
}

const isDue = ({ used, total, level }: Use, { at }: AutoGrow): boolean =>
  level === 100 || used * 100n >= total * BigInt(at);

/** One step further; undefined at the limit, or where there is none. */
export function longerData(now: Bytes, { step, limit = bytes(0) }: LoopAutoGrow): Bytes | undefined {
  const wanted = bytes(now + (now * BigInt(step)) / 100n);
  const most = wanted < limit ? wanted : limit;
  return most > now ? most : undefined;
}

const wordsOf = (what: string, { used, total }: Use): string =>
  `its ${what} has ${formatBytes(used)} of ${formatBytes(total)} in use`;
