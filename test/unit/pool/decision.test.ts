import { describe, expect, test } from "vitest";
import type { PoolName } from "../../../src/core/ids.ts";
import { poolDeviceUuid } from "../../../src/core/ids.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";
import { decide } from "../../../src/pool/decision.ts";
import type { Finding, Observation } from "../../../src/pool/decision.ts";
import type { Label } from "../../../src/pool/label.ts";
import { LABEL, OTHER_POOL, POOL } from "../../support/labels.ts";

const expected = { name: "fast" as PoolName, backing: "parts" } as const;

const metadata: Observation = {
  role: "metadata",
  path: "/dev/meta",
  size: bytes(512n * MIB),
  finding: { kind: "blank" },
  forced: false,
  readOnly: false,
  holders: [],
  claimed: false,
};
const data: Observation = { ...metadata, role: "data", path: "/dev/data", size: bytes(4n * GIB) };

const labelled = (changes: Partial<Label>, whole = true): Pick<Observation, "finding"> => ({
  finding: { kind: "label", label: { ...LABEL, ...changes }, whole },
});
const holding = (finding: Finding): Pick<Observation, "finding"> => ({ finding });
const ext4 = holding({ kind: "foreign", what: "ext4 (filesystem)" });
const torn = holding({ kind: "unreadable", reason: "its dmthin label is torn" });

const creating = { state: "creating", sequence: 1 } as const;
const dataReady = labelled({ member: "data" });
const dataCreating = labelled({ member: "data", ...creating });
const force = { forced: true };

type Row = readonly [what: string, metadata: Partial<Observation>, data: Partial<Observation>];

const decideFor = (meta: Partial<Observation>, second: Partial<Observation>) =>
  decide(expected, [
    { ...metadata, ...meta },
    { ...data, ...second },
  ]);

describe("a pool is made", () => {
  test.each<readonly [...Row, overwrites: readonly string[]]>([
    ["on two blank devices", {}, {}, []],
    ["over a filesystem, where that is forced", {}, { ...ext4, ...force }, ["/dev/data ext4 (filesystem)"]],
    [
      "over the unfinished rest of another pool, where that is forced",
      { ...labelled({ ...creating, pool: OTHER_POOL, name: "slow" as PoolName }), ...force },
      {},
      [`/dev/meta the unfinished pool ${OTHER_POOL}`],
    ],
    [
      "over the unfinished rest of a pool without its metadata device, where that is forced",
      {},
      { ...dataCreating, ...force },
      [`/dev/data the unfinished pool ${POOL}`],
    ],
  ])("%s", (_what, meta, second, overwrites) => {
    expect(decideFor(meta, second)).toEqual({
      kind: "create",
      overwrites: overwrites.map((line) => {
        const [path, ...rest] = line.split(" ");
        return { path, what: rest.join(" ") };
      }),
    });
  });
});

describe("a cut-off creation goes on", () => {
  test.each<Row>([
    ["when only the metadata device has its label", labelled(creating), {}],
    ["when all have", labelled(creating), dataCreating],
    [
      "when a copy of a label is missing",
      labelled(creating, false),
      { ...labelled({ member: "data", ...creating }, false) },
    ],
    ["whatever is forced", { ...labelled(creating), ...force }, { ...dataCreating, ...force }],
    [
      "when its own devices still stand on it",
      { ...labelled(creating), holders: [{ name: "dm-0", uuid: poolDeviceUuid(POOL, "meta") }] },
      {},
    ],
  ])("%s", (_what, meta, second) => {
    expect(decideFor(meta, second)).toEqual({
      kind: "resume",
      label: { ...LABEL, ...creating },
      overwrites: [],
    });
  });

  test("over foreign content that was forced", () => {
    expect(decideFor(labelled(creating), { ...ext4, ...force })).toEqual({
      kind: "resume",
      label: { ...LABEL, ...creating },
      overwrites: [{ path: "/dev/data", what: "ext4 (filesystem)" }],
    });
  });

  test("when a loop pool's other files are not there yet", () => {
    const file = { ...data, size: bytes(0), finding: { kind: "absent" } } as const;
    expect(decide(expected, [{ ...metadata, ...labelled(creating) }, file]).kind).toBe("resume");
  });
});

describe("a pool is opened", () => {
  test.each<readonly [...Row, behind: readonly string[]]>([
    ["as it is", labelled({}), dataReady, []],
    ["after a crash between the last two labels", labelled({}), dataCreating, ["data"]],
    ["after a crash between two copies", labelled({}, false), dataReady, ["metadata"]],
    [
      "with its devices active",
      { ...labelled({}), holders: [{ name: "dm-1", uuid: poolDeviceUuid(POOL, "spare") }] },
      dataReady,
      [],
    ],
    [
      "although force was left in the configuration",
      { ...labelled({}), ...force },
      { ...dataReady, ...force },
      [],
    ],
    ["on devices that have grown", { ...labelled({}), size: bytes(8n * GIB) }, dataReady, []],
  ])("%s", (_what, meta, second, behind) => {
    expect(decideFor(meta, second)).toEqual({ kind: "open", label: LABEL, behind });
  });
});

describe("hands off", () => {
  test.each<readonly [...Row, problem: RegExp]>([
    [
      "a filesystem",
      ext4,
      {},
      /^\/dev\/meta: holds ext4 \(filesystem\); choose another, or name it under force/,
    ],
    ["a torn label", torn, {}, /^\/dev\/meta: its dmthin label is torn; restore the device/],
    ["a torn label, forced", {}, { ...torn, ...force }, /^\/dev\/data: its dmthin label is torn/],
    ["a mounted device, forced", {}, { ...ext4, ...force, claimed: true }, /^\/dev\/data: is in use/],
    [
      "a device with something built on it",
      { holders: [{ name: "dm-7", uuid: "LVM-xyz" }] },
      {},
      /^\/dev\/meta: dm-7 \(LVM-xyz\) is built on it/,
    ],
    [
      "a labelled device with a stranger built on it",
      { ...labelled({}), holders: [{ name: "md0" }] },
      dataReady,
      /^\/dev\/meta: md0 is built on it/,
    ],
    [
      "a blank device that another pool's devices stand on",
      { holders: [{ name: "dm-0", uuid: poolDeviceUuid(POOL, "meta") }] },
      {},
      /dm-0 \(DMTHIN-/,
    ],
    [
      "a blank device that is to be kept off, forced",
      {},
      { ...force, keepOff: "shows the data of thin-pool vg-tp" },
      /^\/dev\/data: shows the data of thin-pool vg-tp$/,
    ],
    [
      "a labelled device that is to be kept off",
      labelled({}),
      { ...dataReady, keepOff: "is a member of an md array" },
      /^\/dev\/data: is a member of an md array$/,
    ],
    ["a read-only device", { readOnly: true }, {}, /^\/dev\/meta: is read-only/],
    [
      "a read-only device of ours",
      labelled({}),
      { ...dataReady, readOnly: true },
      /^\/dev\/data: is read-only/,
    ],
    [
      "a pool of another name",
      labelled({ name: "slow" as PoolName }),
      {},
      /^\/dev\/meta: belongs to pool slow/,
    ],
    [
      "a ready pool of another name, forced",
      { ...labelled({ name: "slow" as PoolName }), ...force },
      {},
      /^\/dev\/meta: belongs to pool slow/,
    ],
    [
      "an unfinished pool of another name",
      labelled({ ...creating, name: "slow" as PoolName }),
      {},
      /^\/dev\/meta: belongs to pool slow/,
    ],
    [
      "another backing",
      labelled({ backing: "loop" }),
      dataReady,
      /^\/dev\/meta: was made for backing loop, not parts/,
    ],
    [
      "data of another pool",
      labelled({}),
      labelled({ member: "data", pool: OTHER_POOL }),
      /^\/dev\/meta: .*different pools/,
    ],
    [
      "data and metadata swapped",
      dataReady,
      labelled({}),
      /^\/dev\/meta: is the data device of its pool, not metadata/,
    ],
    [
      "a copy of the metadata device as data",
      labelled({}),
      labelled({}),
      /^\/dev\/data: is the metadata device of its pool/,
    ],
    ["a second data device", labelled({}), labelled({ member: "data", index: 1 }), /swapped or copied/],
    [
      "no metadata for ready data",
      {},
      dataReady,
      /^\/dev\/meta: has no dmthin label \(blank\), but \/dev\/data belongs to pool .* is missing/,
    ],
    [
      "no metadata for ready data, all forced",
      { ...ext4, ...force },
      { ...dataReady, ...force },
      /^\/dev\/meta: holds ext4 .* is missing/,
    ],
    ["no metadata for unfinished data", {}, dataCreating, /metadata device is missing/],
    [
      "wiped data of a ready pool",
      labelled({}),
      {},
      /^\/dev\/data: has no dmthin label, but pool .* is complete/,
    ],
    [
      "wiped data of a ready pool, forced",
      labelled({}),
      { ...ext4, ...force },
      /^\/dev\/data: has no dmthin label/,
    ],
    [
      "a vanished file of a ready pool",
      labelled({}),
      { size: bytes(0), finding: { kind: "absent" } },
      /^\/dev\/data: has no dmthin label/,
    ],
    [
      "a metadata device from before the end of creation",
      labelled(creating),
      dataReady,
      /^\/dev\/data: says that its pool is complete/,
    ],
    [
      "a metadata device from before a change",
      labelled({}),
      labelled({ member: "data", sequence: 3 }),
      /^\/dev\/data: is newer than the metadata device/,
    ],
    [
      "a data device from long before",
      labelled({ sequence: 5 }),
      labelled({ member: "data", sequence: 3 }),
      /^\/dev\/data: is older/,
    ],
    [
      "a data device that was cut",
      labelled({}),
      { ...dataReady, size: bytes(4n * GIB - 65_536n) },
      /^\/dev\/data: has 3\.9 GiB .* uses 4294967296 bytes of it/,
    ],
  ])("%s", (_what, meta, second, problem) => {
    const decision = decideFor(meta, second);
    expect(decision.kind).toBe("refuse");
    expect(decision.kind === "refuse" && decision.problems[0]).toMatch(problem);
  });

  test("a device that the pool was not made with", () => {
    const catalog = { ...metadata, role: "catalog", path: "/dev/cat" } as const;
    expect(decide(expected, [{ ...metadata, ...labelled({}) }, { ...data, ...dataReady }, catalog])).toEqual({
      kind: "refuse",
      problems: [
        "the pool was made of metadata, data; configured are metadata, data, catalog: configure it as it was made",
        `/dev/cat: has no dmthin label, but pool ${POOL} is complete: the catalog device is missing or was wiped; bring it back`,
      ],
    });
  });

  test("everything wrong is said at once", () => {
    const decision = decideFor({ ...ext4, readOnly: true }, { ...torn, claimed: true });
    expect(decision.kind === "refuse" && decision.problems).toHaveLength(4);
  });
});
