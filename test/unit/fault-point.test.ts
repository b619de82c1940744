import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { faultPoint } from "../../src/fault-point.ts";
import type { Runner } from "../../src/host/run.ts";

let directory = "";
let file = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmthin-faults-"));
  file = join(directory, "faults");
});
afterEach(() => rmSync(directory, { recursive: true }));

const linesOf = (suffix: string): readonly string[] =>
  readFileSync(file + suffix, "utf8")
    .trimEnd()
    .split("\n");

const runner: Runner = {
  started: 0,
  holding: () => runner,
  run: async () => ({ stdout: "", stderr: "", exitCode: 0 }),
};

/** An operation of three points. */
async function operate(title: string): Promise<string> {
  const { around, afterStep, watch } = faultPoint(file);
  return around(title, async () => {
    await watch(runner).holding([3]).run("dmsetup", ["message", "pool"]);
    await afterStep({ kind: "admit" });
    return "done";
  });
}
const fateOf = (operation: Promise<string>): Promise<string> =>
  Promise.race([operation, delay(50, "stands still")]);

describe("a fault point", () => {
  test("traces each operation by itself", async () => {
    await Promise.all([operate("A"), operate("B")]);
    const own = (title: string) => linesOf(".trace").filter((line) => line.startsWith(`${title} `));
    expect(own("A")).toEqual(["A #0 began", "A #1 ran dmsetup message pool", "A #2 admit"]);
    expect(own("B")).toHaveLength(3);
  });

  test.each(["A #0 ", "A #1 ran dmsetup", "admit$"])(
    "stands still at %s, and only there",
    async (pattern) => {
      writeFileSync(file, `still ${pattern}\n`);
      expect(await fateOf(operate("A"))).toBe("stands still");
      expect(linesOf(".reached")).toHaveLength(1);
      expect(linesOf(".reached")[0]).toMatch(new RegExp(pattern));
      if (pattern.startsWith("A")) expect(await fateOf(operate("B"))).toBe("done");
    },
  );

  test("tells a tool before it is started, and goes on", async () => {
    writeFileSync(file, "before A #1 \n");
    expect(await fateOf(operate("A"))).toBe("done");
    expect(linesOf(".tools")).toEqual(["before dmsetup message pool"]);
    expect(linesOf(".reached")).toEqual(["A #1 ran dmsetup message pool"]);
  });

  test("does not count what no operation does", async () => {
    await faultPoint(file).afterStep({ kind: "admit" });
    expect(() => linesOf(".trace")).toThrow("ENOENT");
  });

  test("is nothing without a file", async () => {
    const { around, afterStep, watch } = faultPoint(undefined);
    expect(watch(runner)).toBe(runner);
    await afterStep({ kind: "admit" });
    expect(await around("A", async () => "done")).toBe("done");
  });
});
