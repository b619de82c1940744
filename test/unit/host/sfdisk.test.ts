import { describe, expect, test } from "vitest";

import { ParseError, ToolError } from "../../../src/core/errors.ts";
import { bytes, MIB } from "../../../src/core/units.ts";
import {
  formatScript,
  parsePartitionTable,
  readPartitionTable,
  writePartitionTable,
} from "../../../src/host/sfdisk.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { captured, capturedFailure } from "../../support/fixtures.ts";

const DIRECTORY = "sfdisk-2.41.5";

const TWO = {
  label: "gpt",
  partitions: [
    {
      name: "dmthin-fast-catalog",
      start: MIB,
      size: 129n * MIB,
      id: "8932CBED-5842-44A0-82F4-D8ED396FE5B4",
    },
    { name: "", start: 130n * MIB, size: 4n * MIB, id: "A5E6F3C5-74AC-4AF0-BA34-C8AA340BDB97" },
  ],
};

describe("a partition table", () => {
  test.each([
    ["gpt", TWO],
    ["gpt-grown", TWO],
    ["gpt-empty", { label: "gpt", partitions: [] }],
    ["dos", { label: "dos", partitions: [{ name: "", start: MIB, size: 10n * MIB }] }],
  ])("(%s) is read", (name, table) => {
    expect(parsePartitionTable(captured(`${DIRECTORY}/${name}`))).toEqual(table);
  });

  test("counts in the sectors of its disk", () => {
    const text = captured(`${DIRECTORY}/gpt`).replace('"sectorsize": 512', '"sectorsize": 4096');
    expect(parsePartitionTable(text).partitions[0]).toMatchObject({ start: 8n * MIB, size: 1032n * MIB });
  });

  test("of which nothing but the protective part is left is an empty one", () => {
    const text = captured(`${DIRECTORY}/dos`).replace('"type": "83"', '"type": "ee"');
    expect(parsePartitionTable(text)).toEqual({ label: "gpt", partitions: [] });
  });

  test.each(["{}", "no JSON", '{"partitiontable":{"label":"gpt","partitions":[{"start":-1}]}}'])(
    "%s is refused",
    (text) => {
      expect(() => parsePartitionTable(text)).toThrow(ParseError);
    },
  );

  test("that is not there is told from a disk that cannot be read", async () => {
    const runner = fakeRunner({
      "sfdisk --json /dev/blank": capturedFailure(DIRECTORY, "none"),
      "sfdisk --json /dev/gone": capturedFailure(DIRECTORY, "missing"),
    });
    await expect(readPartitionTable(runner, "/dev/blank")).resolves.toBeUndefined();
    await expect(readPartitionTable(runner, "/dev/gone")).rejects.toThrow(ToolError);
  });

  test("is written as a script on standard input, and the kernel left out of it", async () => {
    const command =
      "sfdisk --quiet --no-reread --no-tell-kernel --wipe=never --wipe-partitions=never /dev/sda";
    const runner = fakeRunner({ [command]: {} });
    const partition = { name: "dmthin-fast-data", start: bytes(MIB), size: bytes(10n * MIB), id: "B" };
    await writePartitionTable(runner, "/dev/sda", { id: "A", partitions: [partition] });
    expect(runner.calls).toMatchObject([
      {
        command,
        options: {
          input: `label: gpt\nlabel-id: A\nstart=1MiB, size=10MiB, type=8DA63339-0007-60C0-C436-083AC8230908, uuid=B, name="dmthin-fast-data"\n`,
        },
      },
    ]);
    expect(() => formatScript({ id: "A", partitions: [{ ...partition, size: bytes(512n) }] })).toThrow(
      RangeError,
    );
  });
});
