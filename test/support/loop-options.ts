import { isPoolName } from "../../src/core/ids.ts";
import type { LoopPoolOptions } from "../../src/core/pool-options.ts";
import { bytes, GIB, KIB } from "../../src/core/units.ts";

/** A loop pool as the configuration makes it, with defaults. */
export function loopOptions(name: string): LoopPoolOptions {
  if (!isPoolName(name)) throw new RangeError(name);
  return {
    name,
    backing: "loop",
    directory: `/pools/${name}`,
    dataSize: bytes(GIB),
    blockSize: bytes(64n * KIB),
    overprovision: 1,
    zeroing: true,
    whenFull: "error",
    discard: true,
    discardOnDelete: false,
    trim: { every: undefined },
    autoGrow: { at: 80, metadata: true, step: 20 },
    force: [],
  };
}
