/**
 * The label that every device of a pool carries: who it is, and whether the pool on it is complete.
 *
 * Text in a block of 4 KiB, zero-padded, twice: at byte 0 and at 64 KiB. Three lines:
 *   DMTHIN-LABEL
 *   sha256 <64 hex digits, of the next line>
 *   {"version":1,"pool":"…","name":"…","backing":"loop","member":"metadata","index":0,"sequence":2,"state":"ready",…}
 * Sizes are decimal text of bytes. A reader takes the good copy with the higher sequence; a copy that begins with the
 * magic but does not check out is damage, never blankness.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { isPoolName, isPoolUuid } from "../core/ids.ts";
import { bigintAsText } from "../core/json.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { BackingKind } from "../core/pool-options.ts";
import { bytes, KIB } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { flawOf, isMember, MEMBER_ROLES, memberOf, placeOf } from "./layout.ts";
import type { Extents, Member, MemberRole } from "./layout.ts";

/** `creating` until the pool's catalog and thin metadata exist; only then may they be formatted (again). */
export type LabelState = "creating" | "ready";

export interface Label {
  readonly pool: PoolUuid;
  readonly name: PoolName;
  readonly backing: BackingKind;
  /** What this device is for, and which of those it is. */
  readonly member: MemberRole;
  readonly index: number;
  /** Counts the pool's label changes; equal on all devices except in the middle of a change. */
  readonly sequence: number;
  readonly state: LabelState;
  readonly blockSize: Bytes;
  /** Of the whole pool, on every device. */
  readonly extents: Extents;
}

export const labelledMember = ({ member, index }: Label): Member => memberOf(member, index);

/** The same label on another device of the pool. */
export const labelFor = (label: Label, member: Member): Label => ({ ...label, ...placeOf(member) });

export type LabelReading =
  /** `whole`: both copies are good and equal. */
  | { readonly kind: "label"; readonly label: Label; readonly whole: boolean }
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly reason: string };

export const LABEL_BLOCK = 4096;
/** Byte offsets of the copies. */
export const LABEL_OFFSETS = [0n, 64n * KIB] as const;

const MAGIC = "DMTHIN-LABEL\n";
const VERSION = 1;

/** A block of 4 KiB. */
export function formatLabel(label: Label): Uint8Array {
  const json = JSON.stringify({ version: VERSION, ...label }, bigintAsText);
  const text = new TextEncoder().encode(`${MAGIC}sha256 ${sha256(json)}\n${json}\n`);
  if (text.length > LABEL_BLOCK) throw new RangeError(`label of ${text.length} bytes`);
  const block = new Uint8Array(LABEL_BLOCK);
  block.set(text);
  return block;
}

/** Reads both copies. Never throws: what cannot be read is a finding. */
export function readLabel(copies: readonly [Uint8Array, Uint8Array]): LabelReading {
  const [first, second] = [parseCopy(copies[0]), parseCopy(copies[1])];
  if (first.kind === "label" && second.kind === "label") {
    if (
      first.label.pool !== second.label.pool ||
      labelledMember(first.label) !== labelledMember(second.label)
    ) {
      return { kind: "unreadable", reason: "its two label copies are of different pools or devices" };
    }
    const label = second.label.sequence > first.label.sequence ? second.label : first.label;
    return { kind: "label", label, whole: isEqual(copies[0], copies[1]) };
  }
  for (const copy of [first, second]) if (copy.kind === "label") return { ...copy, whole: false };
  return first.kind === "unreadable" ? first : second;
}

function parseCopy(block: Uint8Array): LabelReading {
  const text = new TextDecoder("utf-8").decode(block.subarray(0, LABEL_BLOCK));
  if (!text.startsWith(MAGIC)) return { kind: "none" };
  const [, sum, json] = /^sha256 ([0-9a-f]{64})\n([^\n]*)\n\0*$/.exec(text.slice(MAGIC.length)) ?? [];
  if (sum === undefined || json === undefined) return unreadable("its dmthin label is torn");
  if (sha256(json) !== sum) return unreadable("the checksum of its dmthin label is wrong");
  return parseJson(json);
}

function parseJson(json: string): LabelReading {
  const enveloped = envelope.safeParse(valueOf(json));
  if (!enveloped.success) return unreadable("its dmthin label is malformed: no version");
  const { version, ...fields } = enveloped.data;
  if (version !== VERSION) {
    return unreadable(
      `its dmthin label has version ${version}; this dmthin knows version ${VERSION}: use a newer one`,
    );
  }
  const parsed = content.safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return unreadable(
      `its dmthin label is malformed at ${issue?.path.join(".") ?? "?"}: ${issue?.message ?? "?"}`,
    );
  }
  const flaw = flawOf(parsed.data.extents, parsed.data.blockSize);
  if (flaw !== undefined) return unreadable(`its dmthin label is contradictory: ${flaw}`);
  return { kind: "label", label: parsed.data, whole: true };
}

function valueOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const size = z
  .string()
  .regex(/^\d{1,18}$/)
  .transform((text) => bytes(BigInt(text)));

const member = z.string().refine(isMember);
const extent = <Role extends string>(role: Role) =>
  z.strictObject({ role: z.literal(role), member, offset: size, length: size });

const envelope = z.looseObject({ version: z.number() });

const content = z.strictObject({
  pool: z.string().refine(isPoolUuid),
  name: z.string().refine(isPoolName),
  backing: z.enum(["loop", "parts", "devices"]),
  member: z.enum(MEMBER_ROLES),
  index: z.int().min(0),
  sequence: z.int().min(1),
  state: z.enum(["creating", "ready"]),
  blockSize: size.refine((value) => value > 0n),
  extents: z.strictObject({
    catalog: extent("catalog"),
    meta: extent("meta"),
    spare: extent("spare"),
    data: extent("data"),
    further: z
      .array(z.strictObject({ role: z.enum(["meta", "spare", "data"]), member, offset: size, length: size }))
      .exactOptional(),
  }),
});

const unreadable = (reason: string): LabelReading => ({ kind: "unreadable", reason });

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const isEqual = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
