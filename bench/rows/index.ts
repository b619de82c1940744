/** The measurements on the kernel, by their names in the catalogue. */
import type { Measure } from "./context.ts";
import { measureCurve } from "./curve.ts";
import { measureDataPath } from "./datapath.ts";
import { measureMemory } from "./memory.ts";
import { measureMutations } from "./mutations.ts";
import { measureParallel } from "./parallel.ts";
import { measureProcesses } from "./processes.ts";
import { measureScale } from "./scale.ts";
import { measureStage } from "./stage.ts";

export const MEASURES: Readonly<Record<string, Measure>> = {
  mutations: measureMutations,
  stage: measureStage,
  parallel: measureParallel,
  scale: measureScale,
  memory: measureMemory,
  processes: measureProcesses,
  datapath: measureDataPath,
  curve: measureCurve,
};
