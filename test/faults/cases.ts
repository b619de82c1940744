import type { FaultCase } from "./case.ts";

/** Every case of the suite. */
export const CASES: readonly FaultCase[] = [];
