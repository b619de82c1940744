/** The measurements on the kernel, by their names in the catalogue. */
import type { Measure } from "./context.ts";
import { measureMutations } from "./mutations.ts";

export const MEASURES: Readonly<Record<string, Measure>> = {
  mutations: measureMutations,
};
