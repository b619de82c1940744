import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import { parseDmInfo, parseTargets } from "../../../src/host/dm-info-text.ts";
import { captured, DMSETUP_CAPTURES } from "../../support/fixtures.ts";

describe.each(DMSETUP_CAPTURES)("device lists of %s", (directory) => {
  test("holds dmthin's devices only, told by uuid", () => {
    const devices = parseDmInfo(captured(`${directory}/info`));
    expect(
      devices.map(({ name, open, suspended, liveTable, inactiveTable }) => ({
        name,
        open,
        suspended,
        liveTable,
        inactiveTable,
      })),
    ).toEqual([
      { name: "dmthin-t-pool", open: 2, suspended: false, liveTable: true, inactiveTable: false },
      {
        name: "dmthin-t-v-0000000000000000000a",
        open: 1,
        suspended: false,
        liveTable: true,
        inactiveTable: true,
      },
      {
        name: "dmthin-t-v-0000000000000000000b",
        open: 0,
        suspended: false,
        liveTable: false,
        inactiveTable: true,
      },
    ]);
    expect(devices[0]?.uuid).toBe("DMTHIN-00112233445566778899aabbccddeeff-pool");
    expect(devices[0]?.number).toMatch(/^25\d:\d+$/);
  });

  test("a suspended device is seen", () => {
    const suspended = parseDmInfo(captured(`${directory}/info-suspended`)).filter(
      (device) => device.suspended,
    );
    expect(suspended.map((device) => device.name)).toEqual(["dmthin-t-v-0000000000000000000a"]);
  });

  test("no devices are an empty list", () => {
    expect(parseDmInfo(captured(`${directory}/info-none`))).toEqual([]);
  });

  test("targets have versions", () => {
    const targets = parseTargets(captured(`${directory}/targets`));
    expect([targets.get("thin"), targets.get("thin-pool")]).toEqual([
      expect.stringMatching(/^v1\.\d+\.0$/),
      expect.stringMatching(/^v1\.\d+\.0$/),
    ]);
  });
});

const OURS = "dmthin-t-pool|DMTHIN-0-pool|254|0|2|Active|Live";

describe("a line of dmsetup info", () => {
  test.each([
    ["an unknown state", OURS.replace("Active", "Asleep"), 'suspended is "Asleep"'],
    ["a word every object has", OURS.replace("Live", "constructor"), 'tables_loaded is "constructor"'],
    ["a missing field", "dmthin-t-pool|DMTHIN-0-pool|254|0|2|Active", "the seven fields"],
    ["a mangled name under our uuid", OURS.replace("dmthin-t-pool", String.raw`dmthin\x20t`), "name"],
    ["a number that is none", OURS.replace("254", "-1"), 'major, minor is "-1:0"'],
    ["a major number that no device has", OURS.replace("254", "25254"), 'major, minor is "25254:0"'],
  ])("%s is refused", (_, line, message) => {
    expect(() => parseDmInfo(line)).toThrow(message);
  });

  test("any text is a list or a ParseError", () => {
    const word = fc.oneof(fc.string(), fc.constantFrom("DMTHIN-x", "Active", "Live", "7"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 5, maxLength: 8 }), (words) => {
        try {
          return Array.isArray(parseDmInfo(words.join("|")));
        } catch (error) {
          return error instanceof ParseError;
        }
      }),
    );
  });
});
