import { describe, expect, test } from "vitest";

import { IncompatibleExistingError, PreconditionError } from "../../../src/core/errors.ts";
import type { FsType, Staging, VolumeRecord } from "../../../src/core/records.ts";
import { judgeStaging, wantedStaging } from "../../../src/plan/stage.ts";
import { volumeRecord } from "../../support/records.ts";

const PATH = "/var/lib/kubelet/staging";

const stagingAs = (fsType: FsType, mountFlags: readonly string[] = []): Staging => ({
  path: PATH,
  access: "mount",
  fsType,
  mountFlags,
});

describe("what may be asked of a volume", () => {
  test.each([
    ["the filesystem asked for", volumeRecord(1, { fsType: "xfs" }), "xfs", "xfs"],
    ["none asked for: that of the record", volumeRecord(1, { fsType: "xfs" }), undefined, "xfs"],
  ] as const)("%s", (_what, record, fsType, expected) => {
    const access = {
      kind: "mount",
      flags: ["noatime"],
      ...(fsType === undefined ? {} : { fsType }),
    } as const;
    expect(wantedStaging(record, PATH, access)).toEqual(stagingAs(expected, ["noatime"]));
  });

  test.each([
    ["block of a mount volume", volumeRecord(1, { access: ["mount"] }), { kind: "block" }],
    ["mount of a block volume", volumeRecord(1, { access: ["block"] }), { kind: "mount", flags: [] }],
    ["another filesystem", volumeRecord(1, { fsType: "xfs" }), { kind: "mount", fsType: "ext4", flags: [] }],
    [
      "another filesystem than it holds",
      volumeRecord(1, { fsType: "ext4", format: { state: "copied", fsType: "xfs" } }),
      { kind: "mount", flags: [] },
    ],
  ] as const)("%s is refused", (_what, record, access) => {
    expect(() => wantedStaging(record, PATH, access)).toThrow(PreconditionError);
  });
});

describe("a volume that is staged already", () => {
  const wanted = stagingAs("ext4", ["noatime", "nosuid"]);
  const staged = (staging?: Staging): VolumeRecord =>
    volumeRecord(1, staging === undefined ? {} : { staging });
  const live = { active: true, mountPoints: [PATH] };

  test("in the same way, flags in any order, is staged", () => {
    expect(judgeStaging(staged(stagingAs("ext4", ["nosuid", "noatime"])), wanted, live)).toBe("staged");
  });

  test("and published beside, is staged", () => {
    const both = { active: true, mountPoints: [PATH, "/var/lib/kubelet/pods/1"] };
    expect(judgeStaging(staged(wanted), wanted, both)).toBe("staged");
  });

  test.each<readonly [string, Staging]>([
    ["with other flags", stagingAs("ext4", ["noatime"])],
    ["as another filesystem", stagingAs("xfs", ["noatime", "nosuid"])],
  ])("%s is incompatible", (_what, staging) => {
    expect(() => judgeStaging(staged(staging), wanted, live)).toThrow(IncompatibleExistingError);
  });

  test("at another path is incompatible", () => {
    const elsewhere = { ...wanted, path: "/var/lib/kubelet/other" };
    const presence = { active: true, mountPoints: [elsewhere.path] };
    expect(() => judgeStaging(staged(elsewhere), wanted, presence)).toThrow(IncompatibleExistingError);
  });

  const BLOCK: Staging = { path: PATH, access: "block", mountFlags: [] };
  test("as a raw device is staged while it is active, and incompatible with a mount", () => {
    const active = { active: true, mountPoints: [] };
    expect(judgeStaging(staged(BLOCK), BLOCK, active)).toBe("staged");
    expect(() => judgeStaging(staged(BLOCK), wanted, active)).toThrow(IncompatibleExistingError);
  });

  test.each<readonly [string, Staging]>([
    ["a mount", { ...wanted, path: "/var/lib/kubelet/other" }],
    ["a raw device", { ...BLOCK, path: "/var/lib/kubelet/other" }],
  ])("the memory of %s does not outlive a reboot", (_what, staging) => {
    expect(judgeStaging(staged(staging), wanted, { active: false, mountPoints: [] })).toBe("fresh");
  });

  test("a mount without a record is what a call without an answer left", () => {
    expect(judgeStaging(staged(), wanted, live)).toBe("remains");
  });

  test("a mount elsewhere without a record must go first", () => {
    const elsewhere = { active: true, mountPoints: ["/var/lib/kubelet/other"] };
    expect(() => judgeStaging(staged(), wanted, elsewhere)).toThrow(PreconditionError);
  });
});
