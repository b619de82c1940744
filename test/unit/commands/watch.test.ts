import { expect, test } from "vitest";

import { watch } from "../../../src/commands/watch.ts";
import { EnvironmentError } from "../../../src/core/errors.ts";

async function shown(...looks: readonly (string | Error)[]): Promise<string> {
  let output = "";
  let at = 0;
  await watch({
    look: async () => {
      const look = looks[at] ?? "";
      at += 1;
      if (typeof look === "string") return look;
      throw look;
    },
    write: (text) => {
      output += text;
    },
    now: () => `at ${at}`,
    pause: async () => at < looks.length,
  });
  return output;
}

test("prints what is seen first, and then only what is different", async () => {
  expect(await shown("1 %\n", "1 %\n", "2 %\n", "2 %\n", "1 %\n")).toBe(
    "at 1\n1 %\n\nat 3\n2 %\n\nat 5\n1 %\n",
  );
});

test("a driver that does not answer is told once, and asked again", async () => {
  const gone = new EnvironmentError("no driver answers");
  expect(await shown("1 %\n", gone, gone, "1 %\n")).toBe(
    "at 1\n1 %\n\nat 2\nno driver answers\n\nat 4\n1 %\n",
  );
});

test("a bug ends it", async () => {
  await expect(shown("1 %\n", new TypeError("bug"))).rejects.toThrow("bug");
});
