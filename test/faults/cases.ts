import type { FaultCase } from "./case.ts";
import { everyFlush, logWrites, logWritesNegative } from "./power/log-writes.ts";
import { powerLoss, powerLossNegative } from "./power/power-loss.ts";

/** Every case of the suite. */
export const CASES: readonly FaultCase[] = [
  powerLoss,
  powerLossNegative,
  logWrites,
  logWritesNegative,
  everyFlush,
];
