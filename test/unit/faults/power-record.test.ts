import { describe, expect, test } from "vitest";

import {
  AREA_BYTES,
  judgeArea,
  RECORD_BYTES,
  recordOf,
  RecordFile,
  SLOTS,
} from "../../faults/power/record.ts";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a writer leaves that has written that many records. */
async function areaAfter(count: number): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "records-"));
  try {
    const path = join(directory, "area");
    const writer = new RecordFile(await open(path, "w+"), 0, "v1");
    for (let number = 0; number < count; number += 1) await writer.write(number, "none");
    await writer.close();
    const area = Buffer.alloc(AREA_BYTES);
    (await readFile(path)).copy(area);
    return area;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const slotOf = (area: Buffer, number: number): Buffer => {
  const offset = (number % SLOTS) * RECORD_BYTES;
  return area.subarray(offset, offset + RECORD_BYTES);
};

const RUN = SLOTS * RECORD_BYTES;

describe("judgeArea", () => {
  test.each([0, 1, 15, 16, 17, SLOTS - 1, SLOTS, SLOTS + 1, 3 * SLOTS + 20])(
    "finds %i records where as many were written",
    async (count) => {
      expect(judgeArea(await areaAfter(count), "v1")).toEqual({ count, problems: [] });
    },
  );

  test.each(["half of the next record", "rubbish", "nothing"])(
    "does not mind %s in the place of the record under way",
    async (what) => {
      const area = await areaAfter(100);
      const slot = slotOf(area, 100);
      if (what === "nothing") slot.fill(0);
      else if (what === "rubbish") slot.fill(7);
      else recordOf("v1", 100).copy(slot, 0, 0, 512);
      expect(judgeArea(area, "v1")).toEqual({ count: 100, problems: [] });
    },
  );

  test("does not mind half a run of blocks where the record after it is under way", async () => {
    const area = await areaAfter(31);
    area.fill(3, RUN, RUN + 5 * RECORD_BYTES);
    expect(judgeArea(area, "v1")).toEqual({ count: 31, problems: [] });
  });

  test.each([
    ["an older record in the place of a newer one", 70, () => recordOf("v1", 6)],
    [
      "a record that is damaged at its end",
      80,
      () => Buffer.concat([recordOf("v1", 80).subarray(0, 4000), Buffer.alloc(96)]),
    ],
    ["a record of another writer", 80, () => recordOf("v2", 80)],
    ["zeros", 80, () => Buffer.alloc(RECORD_BYTES)],
  ])("reports %s", async (_what, number, content) => {
    const area = await areaAfter(100);
    content().copy(slotOf(area, number));
    const { count, problems } = judgeArea(area, "v1");
    expect(count).toBe(100);
    expect(problems).toEqual([
      expect.stringMatching(`slot ${number % SLOTS} has .*, expected record ${number} of 100`),
    ]);
  });

  test("reports a block that is missing in the run before a record", async () => {
    const area = await areaAfter(40);
    area.fill(0, RUN + 2 * RECORD_BYTES, RUN + 3 * RECORD_BYTES);
    expect(judgeArea(area, "v1").problems).toEqual([
      expect.stringMatching(/blocks 2 \(1 of 64\).* record 31 /),
    ]);
  });

  test("counts fewer where the last records are lost", async () => {
    const area = await areaAfter(60);
    for (const number of [58, 59]) slotOf(area, number).fill(0);
    expect(judgeArea(area, "v1")).toEqual({ count: 58, problems: [] });
  });
});
