/** A pool as it is written in the configuration file, under `pools`. */
import { stringify } from "yaml";
import type { PoolName } from "../core/ids.ts";
import type { PoolPlace } from "../core/pool-options.ts";
import { KIB } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";

/** What has to be said of a pool that is there; all else has a default. */
export interface PoolStanza {
  readonly name: PoolName;
  readonly blockSize: Bytes;
  readonly place: PoolPlace;
}

const DEFAULT_BLOCK_SIZE = 64n * KIB;

/** One item of the list, at its usual depth. */
export function formatStanza({ name, blockSize, place }: PoolStanza): string {
  const { backing, ...where } = place;
  const keys = {
    name,
    backing,
    // Else the driver would warn that the default has no effect.
    ...(blockSize === DEFAULT_BLOCK_SIZE ? {} : { blockSize: `${blockSize}B` }),
    ...where,
    ...("dataSize" in where ? { dataSize: `${where.dataSize}B` } : {}),
  };
  return stringify([keys], { lineWidth: 0 })
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("");
}
