/** Labels for tests. */
import type { PoolName, PoolUuid } from "../../src/core/ids.ts";
import { bytes, GIB, KIB, MIB } from "../../src/core/units.ts";
import type { Label } from "../../src/pool/label.ts";
import { layoutParts } from "../../src/pool/layout.ts";

export const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;
export const OTHER_POOL = "fedcba9876543210fedcba9876543210" as PoolUuid;

export const EXTENTS = layoutParts(
  { name: "fast" as PoolName, data: "/dev/data", metadata: "/dev/meta", blockSize: bytes(64n * KIB) },
  { metadata: bytes(512n * MIB), data: bytes(4n * GIB) },
);

/** A ready label of the metadata device of pool `fast`. */
export const LABEL: Label = {
  pool: POOL,
  name: "fast" as PoolName,
  backing: "parts",
  member: "metadata",
  index: 0,
  sequence: 2,
  state: "ready",
  blockSize: bytes(64n * KIB),
  extents: EXTENTS,
};
