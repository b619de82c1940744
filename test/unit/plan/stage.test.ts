import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DamagedVolumeError, PreconditionError } from "../../../src/core/errors.ts";
import type { Superblock } from "../../../src/core/filesystem.ts";
import { FS_TYPES, type Format, type FsType, type Staging } from "../../../src/core/records.ts";
import { bytes, GIB, MIB, sectors } from "../../../src/core/units.ts";
import { mountFlagsFor, planRestage, planStage, type StagePlan } from "../../../src/plan/stage.ts";
import { volumeRecord } from "../../support/records.ts";

const PATH = "/var/lib/kubelet/staging";
const BLANK: Superblock = { kind: "blank" };
const UNKNOWN: Superblock = { kind: "unknown" };

function filesystem(fsType: FsType, size = GIB, dirtyLog = false): Superblock {
  return { kind: "filesystem", fsType, size: bytes(size), uuid: "0".repeat(32), dirtyLog };
}

const stagingAs = (fsType: FsType, mountFlags: readonly string[] = []): Staging => ({
  path: PATH,
  access: "mount",
  fsType,
  mountFlags,
});

interface Case {
  readonly format: Format;
  readonly superblock: Superblock;
  readonly fsType?: FsType;
  readonly mapped?: bigint;
  readonly flags?: readonly string[];
  readonly mkfsOptions?: readonly string[];
}

function plan({
  format,
  superblock,
  fsType = "ext4",
  mapped,
  flags = [],
  mkfsOptions = [],
}: Case): StagePlan {
  return planStage({
    record: volumeRecord(1, { format, fsType, mkfsOptions }),
    staging: stagingAs(fsType, flags),
    deviceSize: bytes(GIB),
    superblock,
    ...(mapped === undefined ? {} : { mapped: sectors(mapped) }),
  });
}

const kinds = (steps: StagePlan): string =>
  steps.map((step) => (step.kind === "set-format" ? step.format.state : step.kind)).join(" > ");

describe("the format guard", () => {
  test("an empty thin is formatted between two records, with the volume's options", () => {
    const steps = plan({
      format: { state: "blank" },
      superblock: BLANK,
      mapped: 0n,
      mkfsOptions: ["-m", "2"],
    });
    expect(steps).toEqual([
      { kind: "set-format", format: { state: "formatting", fsType: "ext4" } },
      { kind: "make-filesystem", fsType: "ext4", options: ["-m", "2"] },
      { kind: "set-format", format: { state: "formatted", fsType: "ext4" } },
      { kind: "mount", fsType: "ext4", flags: ["errors=remount-ro"] },
      { kind: "record-staging", staging: stagingAs("ext4") },
    ]);
  });

  test("a half-made filesystem gets a new thin, whatever it reads like", () => {
    for (const superblock of [BLANK, UNKNOWN, filesystem("ext4")]) {
      expect(plan({ format: { state: "formatting", fsType: "ext4" }, superblock })).toEqual([
        { kind: "renew-thin" },
      ]);
    }
  });

  const REFUSED: readonly (readonly [string, Case])[] = [
    ["a blank volume with one mapped block", { format: { state: "blank" }, superblock: BLANK, mapped: 128n }],
    ["a blank volume whose blocks were not counted", { format: { state: "blank" }, superblock: BLANK }],
    [
      "a blank volume with unknown content",
      { format: { state: "blank" }, superblock: UNKNOWN, mapped: 128n },
    ],
    ["no mapped block and yet content", { format: { state: "blank" }, superblock: UNKNOWN, mapped: 0n }],
    [
      "no mapped block and yet a filesystem",
      { format: { state: "blank" }, superblock: filesystem("ext4"), mapped: 0n },
    ],
    [
      "a formatted volume that reads as zeros",
      { format: { state: "formatted", fsType: "ext4" }, superblock: BLANK, mapped: 0n },
    ],
    [
      "a formatted volume with unknown content",
      { format: { state: "formatted", fsType: "ext4" }, superblock: UNKNOWN },
    ],
    ["a copy that reads as zeros", { format: { state: "copied" }, superblock: BLANK, mapped: 0n }],
    [
      "a copy with unknown content",
      { format: { state: "copied", fsType: "xfs" }, superblock: UNKNOWN, fsType: "xfs" },
    ],
    [
      "a btrfs copy whose identity was being changed, unreadable now",
      { format: { state: "identifying", fsType: "btrfs" }, superblock: UNKNOWN, fsType: "btrfs" },
    ],
    [
      "a filesystem larger than its device",
      { format: { state: "formatted", fsType: "ext4" }, superblock: filesystem("ext4", GIB + 4096n) },
    ],
  ];
  test.each(REFUSED)("%s is refused, with what to do", (_what, refused) => {
    expect(() => plan(refused)).toThrow(DamagedVolumeError);
    expect(() => plan(refused)).toThrow(/thin_check|restore|catalog/);
  });

  test.each(["formatted", "copied", "identifying", "blank"] as const)(
    "another filesystem on a %s volume is refused, with its name",
    (state) => {
      const mismatch = { format: { state }, superblock: filesystem("xfs"), mapped: 8n };
      expect(() => plan(mismatch)).toThrow(PreconditionError);
      expect(() => plan(mismatch)).toThrow(/holds xfs, ext4 was asked for/);
    },
  );

  test("no observation but an empty blank thin ever leads to a mkfs", () => {
    const superblock = fc.oneof(
      fc.constant(BLANK),
      fc.constant(UNKNOWN),
      fc
        .tuple(fc.constantFrom(...FS_TYPES), fc.boolean())
        .map(([type, dirty]) => filesystem(type, GIB, dirty)),
    );
    const state = fc.constantFrom("blank", "formatting", "formatted", "copied", "identifying");
    const mapped = fc.option(fc.constantFrom(0n, 8n, 128n), { nil: undefined });
    fc.assert(
      fc.property(
        state,
        superblock,
        mapped,
        fc.constantFrom(...FS_TYPES),
        (...[held, found, blocks, fsType]) => {
          const seen: Case = {
            format: { state: held },
            superblock: found,
            fsType,
            ...(blocks === undefined ? {} : { mapped: blocks }),
          };
          const mayFormat = held === "blank" && blocks === 0n && found.kind === "blank";
          let formats = false;
          try {
            formats = plan(seen).some((step) => step.kind === "make-filesystem");
          } catch {
            formats = false;
          }
          expect(formats).toBe(mayFormat);
        },
      ),
    );
  });
});

describe("what is done with a filesystem that is there", () => {
  const PLANS: readonly (readonly [string, Case, string])[] = [
    [
      "an ext4 is checked, and mounted",
      { format: { state: "formatted", fsType: "ext4" }, superblock: filesystem("ext4") },
      "check-filesystem > mount > record-staging",
    ],
    [
      "a smaller one grows once it is mounted",
      { format: { state: "formatted", fsType: "ext4" }, superblock: filesystem("ext4", 512n * MIB) },
      "check-filesystem > mount > grow-filesystem > record-staging",
    ],
    [
      "an xfs is told to fail on a full pool",
      { format: { state: "formatted", fsType: "xfs" }, superblock: filesystem("xfs"), fsType: "xfs" },
      "check-filesystem > mount > fail-when-full > record-staging",
    ],
    [
      "a smaller restored xfs grows",
      { format: { state: "copied", fsType: "xfs" }, superblock: filesystem("xfs", 1n), fsType: "xfs" },
      "check-filesystem > mount > grow-filesystem > fail-when-full > record-staging",
    ],
    [
      "a copy of unknown type is remembered by what it holds",
      { format: { state: "copied" }, superblock: filesystem("ext4") },
      "copied > check-filesystem > mount > record-staging",
    ],
    [
      "what the user of the raw device made counts as formatted",
      { format: { state: "blank" }, superblock: filesystem("ext4"), mapped: 256n },
      "formatted > check-filesystem > mount > record-staging",
    ],
    [
      "a copied btrfs gets its own identity",
      { format: { state: "copied", fsType: "btrfs" }, superblock: filesystem("btrfs"), fsType: "btrfs" },
      "identifying > renew-identity > formatted > mount > record-staging",
    ],
    [
      "a copied btrfs with a log replays it first",
      { format: { state: "copied" }, superblock: filesystem("btrfs", GIB, true), fsType: "btrfs" },
      "identifying > replay-log > renew-identity > formatted > mount > record-staging",
    ],
    [
      "a change of identity that was cut short is done again",
      { format: { state: "identifying", fsType: "btrfs" }, superblock: filesystem("btrfs"), fsType: "btrfs" },
      "identifying > renew-identity > formatted > mount > record-staging",
    ],
    [
      "a btrfs with an identity of its own keeps it, log or not",
      {
        format: { state: "formatted", fsType: "btrfs" },
        superblock: filesystem("btrfs", GIB, true),
        fsType: "btrfs",
      },
      "check-filesystem > mount > record-staging",
    ],
  ];
  test.each(PLANS)("%s", (_what, seen, expected) => {
    expect(kinds(plan(seen))).toBe(expected);
  });

  test("a plan that records a type records the one found", () => {
    const [first] = plan({ format: { state: "copied" }, superblock: filesystem("xfs"), fsType: "xfs" });
    expect(first).toEqual({ kind: "set-format", format: { state: "copied", fsType: "xfs" } });
  });

  test.each([
    ["ext4", ["noatime"], ["noatime", "errors=remount-ro"]],
    ["xfs", [], ["nouuid"]],
    ["xfs", ["nouuid", "noatime"], ["noatime", "nouuid"]],
    ["btrfs", ["compress=zstd"], ["compress=zstd"]],
  ] as const)("%s with flags %j is mounted with %j", (fsType, flags, expected) => {
    expect(mountFlagsFor(fsType, flags)).toEqual(expected);
  });

  test.each([
    ["ext4", ["grow-filesystem"]],
    ["xfs", ["grow-filesystem", "fail-when-full"]],
    ["btrfs", ["grow-filesystem"]],
  ] as const)("a staged %s only grows when it is staged again", (fsType, expected) => {
    expect(planRestage(stagingAs(fsType), bytes(GIB)).map((step) => step.kind)).toEqual(expected);
  });

  test("a btrfs on a device too small for the kernel to resize it stays as it is", () => {
    expect(planRestage(stagingAs("btrfs"), bytes(128n * MIB))).toEqual([]);
  });

  test("a staged raw volume needs nothing", () => {
    expect(planRestage({ path: PATH, access: "block", mountFlags: [] }, bytes(GIB))).toEqual([]);
  });
});
