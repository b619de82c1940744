import { describe, expect, test } from "vitest";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../../src/core/units.ts";
import type { Finding } from "../../../../src/pool/decision.ts";
import { layoutDisks } from "../../../../src/pool/devices/disk-layout.ts";
import { assignRoles } from "../../../../src/pool/devices/disk-roles.ts";
import { labelFor } from "../../../../src/pool/label.ts";
import type { Label } from "../../../../src/pool/label.ts";
import type { Member } from "../../../../src/pool/layout.ts";
import { LABEL, OTHER_POOL } from "../../../support/labels.ts";

const fast = "fast" as PoolName;
const label: Label = {
  ...LABEL,
  backing: "devices",
  extents: layoutDisks({ name: fast, blockSize: bytes(64n * KIB), metadataSize: bytes(4n * MIB) }, [
    { path: "", size: bytes(240n * MIB) },
    { path: "", size: bytes(159n * MIB) },
  ]),
};
const labelled = (member: Member, changes: Partial<Label> = {}): Finding => ({
  kind: "label",
  label: { ...labelFor(label, member), ...changes },
  whole: true,
});
const blank: Finding = { kind: "blank" };

/** `member=place in the list`, then the places of those that join. */
function roles(...findings: readonly Finding[]): string {
  const disks = findings.map((finding, index) => ({ title: `${index}`, finding }));
  const { members, joining } = assignRoles(fast, disks);
  const text = members.map(([member, { title }]) => `${member}=${title}`).join(" ");
  return joining.length === 0 ? text : `${text} joining ${joining.map(({ title }) => title).join(" ")}`;
}

describe("disks", () => {
  test.each<readonly [what: string, findings: readonly Finding[], expected: string]>([
    ["without labels have the order of the list", [blank, blank, blank], "metadata=0 data-1=1 data-2=2"],
    [
      "of a pool have that of their labels",
      [labelled("data-1"), labelled("metadata")],
      "metadata=1 data-1=0",
    ],
    [
      "behind those of a pool join it",
      [blank, labelled("data-1"), labelled("metadata")],
      "metadata=2 data-1=1 joining 0",
    ],
    [
      "that have only begun to join do so again",
      [labelled("metadata"), labelled("data-1"), labelled("data-2")],
      "metadata=0 data-1=1 joining 2",
    ],
    [
      "that have the pool's old name, as its change was cut off, are known by its uuid",
      [labelled("data-1", { name: "slow" as PoolName }), labelled("metadata")],
      "metadata=1 data-1=0",
    ],
    ["without labels stand for those that are missing", [blank, labelled("metadata")], "metadata=1 data-1=0"],
    [
      "without labels stand for a first one that is missing",
      [blank, labelled("data-1")],
      "metadata=0 data-1=1",
    ],
    [
      "of other pools stand where they are listed",
      [labelled("data-1", { name: "slow" as PoolName }), blank],
      "metadata=0 data-1=1",
    ],
    [
      "of another backing stand where they are listed",
      [labelled("data-1", { backing: "parts" }), blank],
      "metadata=0 data-1=1",
    ],
    [
      "of another pool of that name are no newcomers",
      [labelled("metadata"), labelled("data-1", { pool: OTHER_POOL })],
      "metadata=0 data-1=1",
    ],
  ])("%s", (_what, findings, expected) => {
    expect(roles(...findings)).toBe(expected);
  });

  test.each<readonly [what: string, findings: readonly Finding[], problem: RegExp]>([
    [
      "of which one is a copy",
      [labelled("metadata"), labelled("data-1"), labelled("data-1")],
      /1 and 2 carry one label, disk data-1 of pool/,
    ],
    [
      "of which two are first",
      [labelled("metadata"), labelled("metadata", { pool: OTHER_POOL })],
      /carry one label, disk metadata/,
    ],
    [
      "without the first one",
      [labelled("data-1")],
      /its first disk, with catalog and metadata, is not among devices \(0\)/,
    ],
  ])("%s are refused", (_what, findings, problem) => {
    expect(() => roles(...findings)).toThrow(problem);
  });
});
