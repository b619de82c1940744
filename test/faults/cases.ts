import type { FaultCase } from "./case.ts";
import { move } from "./move/move.ts";
import { everyFlush, logWrites, logWritesNegative } from "./power/log-writes.ts";
import { powerLoss, powerLossNegative } from "./power/power-loss.ts";
import { suite } from "./suite.ts";

/** Every case of the suite, those that take longest first: the lanes of a whole run then end together. */
export const CASES: readonly FaultCase[] = [
  suite({ name: "kill", promises: [2, 4, 5], seeds: { full: 1, share: 1 }, timeoutSeconds: 1500 }),
  everyFlush,
  suite({ name: "format-guard", promises: [1, 4], seeds: { full: 1, share: 0 }, timeoutSeconds: 1200 }),
  suite({ name: "full-pool", promises: [2, 6], seeds: { full: 1, share: 1 }, timeoutSeconds: 1500 }),
  suite({ name: "repair", promises: [4, 6, 7, 10], seeds: { full: 1, share: 0 }, timeoutSeconds: 1500 }),
  suite({ name: "failing-disk", promises: [2, 4, 7, 9], seeds: { full: 1, share: 1 }, timeoutSeconds: 1500 }),
  suite({ name: "foreign-hands", promises: [10], seeds: { full: 1, share: 0 }, timeoutSeconds: 1200 }),
  suite({ name: "deadlines", promises: [4, 7, 11], seeds: { full: 1, share: 0 } }),
  suite({ name: "suspend", promises: [3, 5], seeds: { full: 1, share: 0 } }),
  suite({ name: "production-pool", promises: [2, 6, 10, 13], seeds: { full: 1, share: 0 } }),
  suite({ name: "upgrade", promises: [2, 10, 13], seeds: { full: 1, share: 0 } }),
  suite({ name: "old-data", promises: [8], seeds: { full: 1, share: 0 } }),
  suite({ name: "soak", promises: [4, 11, 13], seeds: { full: 1, share: 0 }, timeoutSeconds: 3600 }),
  suite({ name: "fuzz", promises: [4, 11, 12], seeds: { full: 2, share: 1 } }),
  suite({ name: "busy-mounts", promises: [9], seeds: { full: 1, share: 0 } }),
  suite({ name: "concurrency", promises: [4, 11], seeds: { full: 2, share: 1 } }),
  suite({ name: "capacity", promises: [6], seeds: { full: 1, share: 1 } }),
  suite({ name: "foreign-live", promises: [10], seeds: { full: 1, share: 0 } }),
  move,
  logWrites,
  suite({ name: "returning-disk", promises: [7, 10], seeds: { full: 1, share: 0 } }),
  powerLoss,
  powerLossNegative,
  logWritesNegative,
];
