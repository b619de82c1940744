/**
 * The report of a node as JSON and back. Every bigint (bytes, transaction ids) is decimal text, as in the JSON of
 * protobuf: most readers of JSON would round it. Unknown keys are passed over: driver and command may be of two versions.
 */
import { z } from "zod";

import { ParseError } from "../core/errors.ts";
import { formatJson } from "../core/json.ts";
import { CONDITION_TYPES } from "../core/pool-report.ts";
import type { NodeReport } from "../core/pool-report.ts";

export const formatReport = (report: NodeReport): string => formatJson(report);

const text = z.string();
const natural = text.regex(/^\d{1,20}$/).transform((digits) => BigInt(digits));
const space = z.object({ used: natural, size: natural });
const condition = z.object({ type: z.enum(CONDITION_TYPES), reason: text });
const measured = z.object({ mapped: natural, exclusive: natural, at: text });
const objectState = z.enum(["creating", "ready", "deleting"]);
const fsType = z.enum(["ext4", "xfs", "btrfs"]);

const source = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("empty") }),
  z.object({ kind: z.literal("snapshot"), id: text }),
  z.object({ kind: z.literal("volume"), id: text }),
]);

const volume = z.object({
  id: text,
  name: text,
  state: objectState,
  size: natural,
  mapped: natural.exactOptional(),
  measured: measured.exactOptional(),
  trimmed: z.object({ bytes: natural, at: text }).exactOptional(),
  thinId: z.number(),
  device: text,
  source,
  access: z.array(z.enum(["mount", "block"])),
  format: z.enum(["blank", "formatting", "formatted", "copied", "identifying"]),
  fsType: fsType.exactOptional(),
  stagingPath: text.exactOptional(),
  lost: z.boolean(),
  createdAt: text,
});

const snapshot = z.object({
  id: text,
  name: text,
  state: objectState,
  sourceVolumeId: text,
  groupId: text.exactOptional(),
  size: natural,
  mapped: natural,
  measured: measured.exactOptional(),
  thinId: z.number(),
  fsType: fsType.exactOptional(),
  lost: z.boolean(),
  createdAt: text,
});

const figures = z.object({
  uuid: text,
  state: z.enum(["ready", "read-only", "unusable"]),
  reason: text.exactOptional(),
  asOf: text,
  mode: z.enum(["rw", "ro", "out_of_data_space"]),
  needsCheck: z.boolean(),
  heldRoot: natural.exactOptional(),
  transactionId: natural,
  data: space,
  dataLimit: natural,
  metadata: space,
  whenFull: z.enum(["error", "queue"]),
  blockSize: natural,
  zeroesNewBlocks: z.boolean(),
  passesDiscards: z.boolean(),
  overprovision: z.number(),
  // Drivers before it discarded nothing.
  deletions: z.number().default(0),
  promised: natural,
  available: natural,
  devices: z.object({ meta: text, spare: text, data: text, catalog: text, pool: text }),
  volumes: z.array(volume),
  snapshots: z.array(snapshot),
});

const backing = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("loop"), directory: text }),
  z.object({ kind: z.literal("devices"), devices: z.array(text), selector: text.exactOptional() }),
  z.object({ kind: z.literal("parts"), data: text, metadata: text, catalog: text.exactOptional() }),
]);

const head = {
  name: text,
  backing,
  conditions: z.array(condition),
  leftOut: z.literal(true).exactOptional(),
};

const pool = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("absent"), ...head, reason: text }),
  z.object({ kind: z.literal("open"), ...head, silence: text.exactOptional(), figures }),
]);

const schema = z.object({
  node: text,
  version: text,
  deviceMapper: z.object({ library: text, kernel: text }).exactOptional(),
  ready: z.boolean(),
  pools: z.array(pool),
});

/** A report as a reader has it: ids and names are text, whoever made them. */
export type ReadReport = Readonly<z.infer<typeof schema>>;
export type ReadPool = ReadReport["pools"][number];
export type ReadOpenPool = Extract<ReadPool, { kind: "open" }>;
export type ReadVolume = ReadOpenPool["figures"]["volumes"][number];
export type ReadSnapshot = ReadOpenPool["figures"]["snapshots"][number];

/** Throws ParseError with the first thing that is not as it should be. */
export function parseReport(json: string): ReadReport {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ParseError("report of the driver", "text", json.slice(0, 80), "JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.join(".") ?? "";
  throw new ParseError("report of the driver", at, issue?.message ?? "", "what this version knows");
}
