import { expect, test } from "vitest";

import { parseConfig } from "../../../src/config.ts";
import { formatStanza } from "../../../src/config/stanza.ts";
import type { PoolStanza } from "../../../src/config/stanza.ts";
import type { PoolName } from "../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../src/core/units.ts";

const blockSize = bytes(64n * KIB);

const STANZAS: readonly PoolStanza[] = [
  {
    name: "moved" as PoolName,
    blockSize,
    // Characters that YAML has a meaning for.
    place: { backing: "devices", devices: ["/dev/disk/by-id/a: #b", "/dev/disk/by-id/'c'"] },
  },
  {
    name: "0123" as PoolName,
    blockSize: bytes(256n * KIB),
    place: { backing: "parts", metadata: "/dev/m", data: "/dev/d", catalog: "/dev/c" },
  },
  { name: "no" as PoolName, blockSize, place: { backing: "parts", metadata: "/dev/m", data: "/dev/d" } },
  {
    name: "try" as PoolName,
    blockSize,
    place: {
      backing: "loop",
      directory: `/${"a-very-long-directory/".repeat(9)}x`,
      dataSize: bytes(256n * MIB),
    },
  },
];

test.each(STANZAS)(
  "a stanza for $name is read as what it was made of",
  ({ name, blockSize: blocks, place }) => {
    const text = `pools:\n${formatStanza({ name, blockSize: blocks, place })}`;
    const parsed = parseConfig(text, { nodeName: "n", endpoint: "unix:///e.sock" });
    expect(parsed).toMatchObject({
      kind: "valid",
      config: { pools: [{ name, blockSize: blocks, ...place }] },
    });
  },
);

test("a stanza says no more than it must, at the depth of the list", () => {
  const place = { backing: "devices", devices: ["/dev/a", "/dev/b"] } as const;
  expect(formatStanza({ name: "fast" as PoolName, blockSize, place })).toBe(
    "  - name: fast\n    backing: devices\n    devices:\n      - /dev/a\n      - /dev/b\n",
  );
});
