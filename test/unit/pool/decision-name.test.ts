/** Labels of two names: only a change of the pool's name that was cut off explains them. */
import { describe, expect, test } from "vitest";

import type { PoolName } from "../../../src/core/ids.ts";
import { bytes } from "../../../src/core/units.ts";
import { decide } from "../../../src/pool/decision.ts";
import type { Decision, Observation } from "../../../src/pool/decision.ts";
import type { Label } from "../../../src/pool/label.ts";
import { LABEL, OTHER_POOL } from "../../support/labels.ts";

const slow = "slow" as PoolName;

const observed = (role: "metadata" | "data", changes: Partial<Label>): Observation => ({
  role,
  path: `/dev/${role}`,
  size: bytes(1n << 40n),
  finding: { kind: "label", label: { ...LABEL, member: role, ...changes }, whole: true },
  forced: false,
  readOnly: false,
  holders: [],
  claimed: false,
});

const decided = (name: PoolName, metadata: Partial<Label>, data: Partial<Label>): Decision =>
  decide({ name, backing: "parts" }, [observed("metadata", metadata), observed("data", data)]);

describe("labels of two names", () => {
  test("are one pool where the primary one is ahead by one: the rest is brought up", () => {
    expect(decided(slow, { name: slow, sequence: 3 }, {})).toEqual({
      kind: "open",
      label: { ...LABEL, name: slow, sequence: 3 },
      behind: ["data"],
    });
  });

  test.each<readonly [what: string, name: PoolName, metadata: Partial<Label>, data: Partial<Label>]>([
    ["under the old name", LABEL.name, { name: slow, sequence: 3 }, {}],
    ["where the other is two behind", slow, { name: slow, sequence: 4 }, {}],
    ["where the other is level", slow, { name: slow, sequence: 2 }, {}],
    ["where the other is ahead", slow, { name: slow, sequence: 3 }, { sequence: 4 }],
    ["where the other is of another pool", slow, { name: slow, sequence: 3 }, { pool: OTHER_POOL }],
    ["where the primary one has the old name", slow, {}, { name: slow, sequence: 3 }],
  ])("are refused %s", (_what, name, metadata, data) => {
    const decision = decided(name, metadata, data);
    expect(decision.kind === "refuse" && decision.problems.join()).toMatch(/belongs to pool/);
  });
});
