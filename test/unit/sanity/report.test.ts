import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isExpectedSkip, parseSanityReport } from "../../sanity/report.ts";

const captured = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../fixtures/csi-sanity-5.5.0", name), "utf8");

describe("a report of csi-sanity", () => {
  test("counts what passed, and names what was skipped with its reason", () => {
    const report = parseSanityReport(captured("passed.xml"));
    expect(report).toMatchObject({ passed: 1, failed: [] });
    expect(report.skipped.map(({ name, reason }) => [name.slice(0, 40), reason])).toEqual([
      ["ModifyVolume [Controller Server] should ", "ControllerModifyVolume not supported"],
      ["Controller Service [Controller Server] L", "disabled in csi-sanity itself"],
    ]);
    expect(report.skipped.every(isExpectedSkip)).toBe(true);
  });

  test("has the message of a failure", () => {
    const { passed, failed } = parseSanityReport(captured("failed.xml"));
    expect(passed).toBe(0);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.name).toBe("Node Service NodeUnpublishVolume should remove target path");
    expect(failed[0]?.message).toMatch(/^path "\/t" should have been created .*\nExpected\n/);
  });

  test("counts a set-up of the suite that broke", () => {
    const xml = captured("passed.xml").replace(
      "<testcase",
      `<testcase name="[BeforeSuite]" status="panicked"><error message="boom"></error></testcase><testcase`,
    );
    expect(parseSanityReport(xml).failed).toEqual([{ name: "[BeforeSuite]", message: "boom" }]);
  });

  test("without any case is none", () => {
    expect(() => parseSanityReport("<testsuites></testsuites>")).toThrow(SyntaxError);
  });
});

test.each(["ListVolumes not supported", "NodeStageVolume not supported", "skipped", ""])(
  "a case skipped for %j is one that dmthin must pass",
  (reason) => {
    expect(isExpectedSkip({ name: "x", reason })).toBe(false);
  },
);
