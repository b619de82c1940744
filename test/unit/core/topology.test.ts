import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { topologyValue } from "../../../src/core/topology.ts";

describe("the topology value of a node", () => {
  test.each(["a", "node-1", "ip-10-0-0-1.eu.compute.internal", "UPPER_case", "n".repeat(63)])(
    "%s stays as it is",
    (name) => {
      expect(topologyValue(name)).toBe(name);
    },
  );

  test.each([
    ["a name of 64 characters", "n".repeat(64), `${"n".repeat(46)}_078b793dde92c425`],
    ["a name cut at a dot", `${"n".repeat(45)}.${"m".repeat(30)}`, `${"n".repeat(45)}_a16d619ea60cc3bb`],
    ["blanks", "my node!", "my-node_a01787447ddc58b0"],
    ["nothing readable", "…", "node_5640821b8850f21b"],
    ["nothing", "", "node_cbf29ce484222325"],
  ])("%s becomes a readable beginning and the FNV-1a hash", (_what, name, expected) => {
    expect(topologyValue(name)).toBe(expected);
  });

  test(
    "every name gives a valid label value, and different names different ones",
    { timeout: 30_000 },
    () => {
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
          expect(topologyValue(one)).toMatch(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
          expect(topologyValue(one) === topologyValue(other)).toBe(one === other);
        }),
      );
    },
  );
});
