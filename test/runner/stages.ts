/**
 * A stage of `make test`: a make target and how its tests are counted.
 * - exit: the target is one test, failed if its exit code is not 0.
 * - tally: the target leaves a tally of that name (see tally.ts).
 * - preparation: counts only if it fails.
 */
export interface Stage {
  readonly target: string;
  readonly count: { readonly by: "exit" | "preparation" } | { readonly by: "tally"; readonly suite: string };
}

const step = (target: string): Stage => ({ target, count: { by: "exit" } });
const suite = (target: string): Stage => ({ target, count: { by: "tally", suite: target } });

/** In this order, one after the other: what fails fastest comes first. */
export const FIRST: readonly Stage[] = [
  step("check-types"),
  step("check-lint"),
  step("check-format"),
  step("check-generated"),
  suite("unit"),
  { target: "tools", count: { by: "preparation" } },
  step("check-rules"),
];

/** Lanes run side by side, each in order: a test kernel has one processor, the machine two or more. */
export const LANES: readonly (readonly Stage[])[] = [
  [suite("kernel-1"), { target: "faults-share", count: { by: "tally", suite: "faults" } }],
  [suite("kernel-2"), suite("kernel-udev"), suite("sanity")],
];

/** After the lanes, one after the other: what needs Kubernetes. Its programs take all processors to build, and two nodes both to run. */
export const LAST: readonly Stage[] = [
  { target: "cluster-tools", count: { by: "preparation" } },
  suite("chart"),
  suite("api"),
  { target: "e2e-share", count: { by: "tally", suite: "e2e" } },
  { target: "image-check", count: { by: "tally", suite: "image" } },
];

export const STAGES: readonly Stage[] = [...FIRST, ...LANES.flat(), ...LAST];
