import { expect, test } from "vitest";
import { parseControllerConfig } from "../../../src/config/controller.ts";

const parse = (orphans?: string) =>
  parseControllerConfig(
    [
      "endpoint: unix:///run/csi.sock",
      "kubernetes:",
      "  namespace: dmthin-system",
      "  serviceAccount: dmthin-node",
      "  podLabel: dmthin.io/pod=node",
      "  nodePort: 9810",
      "  enrol: 0.0.0.0:9811",
      ...(orphans === undefined ? [] : [`  orphans: ${orphans}`]),
    ].join("\n"),
    {},
  );
const orphansOf = (text?: string) => {
  const parsed = parse(text);
  return parsed.kind === "valid" ? parsed.value.kubernetes?.orphans : parsed.problems;
};

test("orphans are looked for every half hour, and have a grace of an hour, unless it is said", () => {
  const usual = { everyMs: 1_800_000, graceMs: 3_600_000, notes: "dmthin-orphans" };
  expect(orphansOf()).toEqual(usual);
  expect(orphansOf("{}")).toEqual(usual);
  expect(orphansOf("{every: 60s, grace: 1m}")).toEqual({ ...usual, everyMs: 60_000, graceMs: 60_000 });
  expect(orphansOf("{every: 10s, grace: 2d, notes: mine}")).toEqual({
    everyMs: 10_000,
    graceMs: 172_800_000,
    notes: "mine",
  });
});

test.each([
  ["{grace: 59s}", /orphans\.grace: must be a time such as .*, from 1m to 90d/],
  ["{grace: never}", /orphans\.grace: must be a time/],
  ["{grace: 91d}", /orphans\.grace: must be a time/],
  ["{every: 9s}", /orphans\.every: must be a time such as .*, from 10s to 1d/],
  ["{every: 0}", /orphans\.every: /],
  ["{every: 2h}", /orphans: every .* must not be longer than grace/],
  ["{grace: 29m}", /orphans: every .* must not be longer than grace/],
  ["{every: 61s, grace: 1m}", /orphans: every .* must not be longer than grace/],
  ["{clean: 1h}", /orphans\.clean: is not a key here; keys are every, grace, notes/],
])("%s is refused", (text, problem) => {
  expect(orphansOf(text)).toEqual([expect.stringMatching(problem)]);
});
