import { afterEach, describe, expect, test, vi } from "vitest";

import { bytes, MIB } from "../../src/core/units.ts";
import { ProgressLine, toolProgress } from "../../src/progress-line.ts";

const io = { read: bytes(MIB * 3n), written: bytes(0) };

describe("the words about a tool", () => {
  test("say what it has read, and what is in use, and no share of anything", () => {
    const text = toolProgress({ tool: "thin_check", ms: 7900, io, inUse: bytes(34n * MIB) });
    expect(text).toBe("thin_check: 7 s, 3 MiB read, 34 MiB of metadata are in use");
    expect(text).not.toContain("%");
  });

  test("leave out what is not known, and what it does not do", () => {
    expect(toolProgress({ tool: "thin_dump", ms: 1000 })).toBe("thin_dump: 1 s");
    const written = { ...io, written: bytes(MIB) };
    expect(toolProgress({ tool: "thin_restore", ms: 1000, io: written })).toBe(
      "thin_restore: 1 s, 3 MiB read, 1 MiB written",
    );
  });
});

/** Everything that is written, and a clock that the test moves. */
function place(terminal: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
  let now = 100_000;
  const written: string[] = [];
  const line = new ProgressLine({ ...terminal, write: (text) => written.push(text) }, () => now);
  return {
    line,
    written,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

describe("where lines stay", () => {
  test("there is one every five seconds, the first after five, and nothing to clear", () => {
    const { line, written, wait } = place();
    line.show("at once");
    for (const second of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
      wait(1000);
      line.show(`${second} s`);
    }
    line.clear();
    expect(written).toEqual(["dmthin: 5 s\n", "dmthin: 10 s\n"]);
  });
});

describe("on a terminal", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("one line is written in its place, not too often, and taken away once", () => {
    const { line, written, wait } = place({ isTTY: true });
    wait(1000);
    line.show("one");
    wait(10);
    line.show("too soon");
    wait(1000);
    line.show("two");
    line.clear();
    line.clear();
    expect(written).toEqual(["\r\u001B[2Kone", "\r\u001B[2Ktwo", "\r\u001B[2K"]);
  });

  test.each([
    [10, "0123456789abc", "012345678"],
    [0, "x".repeat(100), "x".repeat(79)],
  ])("of %i columns it never wraps", (columns, text, shown) => {
    const { line, written, wait } = place({ isTTY: true, columns });
    wait(1000);
    line.show(text);
    expect(written).toEqual([`\r\u001B[2K${shown}`]);
  });

  test("that has no way to take a line back gets lines that stay", () => {
    vi.stubEnv("TERM", "dumb");
    const { line, written, wait } = place({ isTTY: true });
    wait(5000);
    line.show("one");
    line.clear();
    expect(written).toEqual(["dmthin: one\n"]);
  });
});
