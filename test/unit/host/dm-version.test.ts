import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import { parseDmVersions } from "../../../src/host/dm-version.ts";

const FIXTURE = join(import.meta.dirname, "../../fixtures/dmsetup-1.02.205-linux-7.2/version.txt");

test("versions of device-mapper are read, of the library and of the kernel", () => {
  expect(parseDmVersions(readFileSync(FIXTURE, "utf8"))).toEqual({
    library: "1.02.205 (2025-02-27)",
    kernel: "4.50.0",
  });
});

test.each(["", "Library version:   1.02.205 (2025-02-27)\n"])(
  "text without one of them is refused: %j",
  (text) => {
    expect(() => parseDmVersions(text)).toThrow(ParseError);
  },
);
