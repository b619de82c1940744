import { describe, expect, test } from "vitest";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, GIB } from "../../../../src/core/units.ts";
import { decide, problemsOfJoining } from "../../../../src/pool/decision.ts";
import type { Finding, Observation } from "../../../../src/pool/decision.ts";
import { layoutDisks } from "../../../../src/pool/devices/disk-layout.ts";
import type { Label } from "../../../../src/pool/label.ts";
import { LABEL, OTHER_POOL } from "../../../support/labels.ts";

const holding = (finding: Finding): Pick<Observation, "finding"> => ({ finding });
const ext4 = holding({ kind: "foreign", what: "ext4 (filesystem)" });
const force = { forced: true };
const blank: Observation = {
  role: "data",
  path: "/dev/c",
  size: bytes(4n * GIB),
  finding: { kind: "blank" },
  forced: false,
  readOnly: false,
  holders: [],
  claimed: false,
};
const labelled = (changes: Partial<Label>): Pick<Observation, "finding"> =>
  holding({ kind: "label", label: { ...LABEL, ...changes }, whole: true });

describe("a pool on whole disks", () => {
  const disks = layoutDisks({ name: LABEL.name, blockSize: LABEL.blockSize }, [
    { path: "/dev/a", size: bytes(4n * GIB) },
    { path: "/dev/b", size: bytes(4n * GIB) },
  ]);
  const label: Label = { ...LABEL, backing: "devices", extents: disks };
  const first: Observation = {
    ...blank,
    role: "metadata",
    path: "/dev/a",
    ...holding({ kind: "label", label, whole: true }),
  };
  const second: Observation = {
    ...first,
    role: "data-1",
    path: "/dev/b",
    ...holding({ kind: "label", label: { ...label, member: "data", index: 1 }, whole: true }),
  };
  const onDisks = { name: LABEL.name, backing: "devices" } as const;

  test("is opened by the labels of all its disks, and not without one of them", () => {
    expect(decide(onDisks, [first, second])).toEqual({ kind: "open", label, behind: [] });
    expect(decide(onDisks, [first])).toEqual({
      kind: "refuse",
      problems: [
        "disk data-1 of the pool is not among devices: a pool does not give up a disk; name it again",
      ],
    });
    expect(decide(onDisks, [first, { ...second, size: bytes(GIB) }])).toMatchObject({
      kind: "refuse",
      problems: [expect.stringMatching(/^\/dev\/b: has 1 GiB .* it was cut/)],
    });
  });

  test.each<readonly [what: string, newcomer: Partial<Observation>, problems: readonly RegExp[]]>([
    ["a blank one", {}, []],
    ["one that has begun to join", labelled({ backing: "devices", member: "data", index: 2 }), []],
    ["one that holds something, forced", { ...ext4, ...force }, []],
    ["one that holds something", ext4, [/holds ext4/]],
    ["one that is in use and read-only", { claimed: true, readOnly: true }, [/is in use/, /is read-only/]],
    [
      "one that has begun to join when the pool had another name",
      labelled({ backing: "devices", member: "data", index: 2, name: "slow" as PoolName }),
      [],
    ],
    [
      "one of another pool",
      labelled({ backing: "devices", pool: OTHER_POOL }),
      [/belongs to pool fast \(fedc.*choose another/],
    ],
    [
      "one of a pool of another name, forced",
      { ...labelled({ backing: "devices", pool: OTHER_POOL, name: "slow" as PoolName }), ...force },
      [/belongs to pool slow/],
    ],
    ["one of parts", labelled({}), [/belongs to pool fast/]],
  ])("takes a further disk or says why not: %s", (_what, newcomer, problems) => {
    const found = problemsOfJoining(label, { ...blank, ...newcomer });
    expect(found).toEqual(problems.map((problem) => expect.stringMatching(problem) as string));
  });
});
