import type { FaultCase } from "./case.ts";
import { everyFlush, logWrites, logWritesNegative } from "./power/log-writes.ts";
import { powerLoss, powerLossNegative } from "./power/power-loss.ts";
import { suite } from "./suite.ts";

/** Every case of the suite. */
export const CASES: readonly FaultCase[] = [
  powerLoss,
  powerLossNegative,
  logWrites,
  logWritesNegative,
  everyFlush,
  suite({ name: "fuzz", promises: [4, 11, 12], seeds: { full: 2, share: 1 } }),
  suite({ name: "kill", promises: [2, 4, 5], seeds: { full: 2, share: 1 }, timeoutSeconds: 1500 }),
];
