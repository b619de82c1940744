import { describe, expect, test } from "vitest";

import { isLvmId, withVolumes } from "../../../bench/model/lvm-text.ts";
import { fabricatedXml, MAPPED_BLOCKS } from "../../../bench/model/thin-xml.ts";

const captures = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? "");

describe("fabricated thin metadata", () => {
  const pool = { transactionId: 3n, blockSectors: 128, dataBlocks: 1000 };

  test("has each thin once, and no block of data twice", () => {
    const xml = fabricatedXml(pool, 50);
    expect(captures(xml, /dev_id="(\d+)"/g)).toEqual(Array.from({ length: 50 }, (_one, id) => String(id)));
    const blocks = captures(xml, /data_block="(\d+)"/g);
    expect(blocks).toHaveLength(50 * MAPPED_BLOCKS);
    expect(new Set(blocks).size).toBe(blocks.length);
    expect(Math.max(...blocks.map(Number))).toBeLessThan(1000);
  });

  test("of more than the data holds is refused", () => {
    expect(() => fabricatedXml(pool, 251)).toThrow(RangeError);
  });
});

describe("fabricated volumes of LVM", () => {
  const group = "group {\n\tlogical_volumes {\n\t\tpool {\n\t\t}\n\t}\n}\n";
  const fabricated = { count: 40, pool: "pool", firstDeviceId: 5, extents: 4 };

  test("stand in the list of the group, each with an id of LVM's form and a device id of its own", () => {
    const text = withVolumes(group, fabricated);
    const ids = captures(text, /id = "([^"]+)"/g);
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
    expect(ids.every((id) => isLvmId(id))).toBe(true);
    const devices = captures(text, /device_id = (\d+)/g).map(Number);
    expect(devices).toEqual(Array.from({ length: 40 }, (_one, number) => 5 + number));
    expect(text.indexOf("fab0 {")).toBeGreaterThan(text.indexOf("logical_volumes {"));
    expect(text).toContain("\t\tpool {");
  });

  test("need a list to stand in", () => {
    expect(() => withVolumes("group {}", fabricated)).toThrow(RangeError);
  });
});
