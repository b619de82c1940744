import { describe, expect, test } from "vitest";

import { after, during, readEntries, type LogEntry } from "../../faults/power/write-log.ts";

const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;
const MARK = 8;
const META = 16;

/** An entry as the kernel writes it: sector, number of sectors, flags, and what follows. */
function entry(sector: number, sectors: number, flags: number, mark = ""): Buffer {
  const head = Buffer.alloc(512);
  for (const [index, value] of [sector, sectors, flags, mark.length].entries())
    head.writeBigUInt64LE(BigInt(value), index * 8);
  head.write(mark, 32);
  return Buffer.concat([head, Buffer.alloc(flags & DISCARD ? 0 : sectors * 512, sector)]);
}

function log(...entries: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(512);
  for (const [index, value] of [0x6a736677736872n, 1n, BigInt(entries.length)].entries())
    head.writeBigUInt64LE(value, index * 8);
  head.writeUInt32LE(512, 24);
  return Buffer.concat([head, ...entries, Buffer.alloc(512)]);
}

const entriesOf = (content: Buffer): readonly LogEntry[] =>
  readEntries((offset, length) => content.subarray(offset, offset + length));

describe("readEntries", () => {
  test("finds every entry, its data, and the text of marks", () => {
    const content = log(
      entry(0, 0, MARK, "17"),
      entry(8, 2, 0),
      entry(2048, 64, DISCARD),
      entry(0, 0, FLUSH),
      entry(16, 1, FUA | META),
    );
    expect(entriesOf(content)).toEqual([
      { kind: "mark", offset: 0, length: 0, at: 1024, text: "17" },
      { kind: "write", offset: 4096, length: 1024, at: 1536, text: "" },
      { kind: "discard", offset: 2048 * 512, length: 64 * 512, at: 3072, text: "" },
      { kind: "flush", offset: 0, length: 0, at: 3584, text: "" },
      { kind: "fua", offset: 8192, length: 512, at: 4096, text: "" },
    ]);
    const [, write] = entriesOf(content);
    expect(content.subarray(write?.at, (write?.at ?? 0) + 1024).every((byte) => byte === 8)).toBe(true);
  });

  test("reads no more entries than the head counts", () => {
    const content = log(entry(8, 1, 0), entry(9, 1, 0));
    content.writeBigUInt64LE(1n, 16);
    expect(entriesOf(content)).toHaveLength(1);
  });

  test.each([
    ["zeros", Buffer.alloc(512)],
    ["another version", log().fill(2, 8, 9)],
    ["other sectors", log().fill(16, 25, 26)],
  ])("refuses %s", (_what, content) => {
    expect(() => entriesOf(content)).toThrow(SyntaxError);
  });
});

describe("a crash", () => {
  const entries = entriesOf(
    log(
      entry(0, 1, 0),
      entry(0, 0, FLUSH),
      entry(1, 1, FUA),
      entry(0, 0, MARK, "1"),
      entry(2, 1, 0),
      entry(3, 1, DISCARD),
      entry(0, 0, FLUSH),
    ),
  );

  test("after a write that was FUA leaves all before it", () => {
    expect(after(2)).toEqual({ whole: 3, extra: [], until: 3 });
  });

  test("during a flush leaves what earlier ones and FUA made durable, and of the rest what is kept", () => {
    expect(during(entries, 6, () => false)).toEqual({ whole: 2, extra: [2], until: 6 });
    expect(during(entries, 6, () => true)).toEqual({ whole: 2, extra: [2, 4, 5], until: 6 });
  });

  test("during the first flush leaves nothing for certain", () => {
    expect(during(entries, 1, () => false)).toEqual({ whole: 0, extra: [], until: 1 });
  });
});
