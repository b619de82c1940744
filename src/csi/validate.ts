/**
 * The checks that all requests share. Everything throws InvalidRequestError, naming the field as CSI does and quoting
 * what it found, shortened. Limits: CSI, "Size Limits".
 */
import { InvalidRequestError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { bytes } from "../core/units.ts";
import { MAX_PATH_BYTES } from "../mounts/paths.ts";
import type { SizeRange } from "../plan/capacity.ts";

const MAX_STRING_BYTES = 128;
const MAX_MAP_BYTES = 4096;

/** A message's map as it comes from the wire. */
export type StringMap = Readonly<Record<string, string>>;

/**
 * A name that becomes a record's key: 1 to 128 bytes, no control character (newline and tab included, which CSI would
 * allow) and nothing that reads as a path. Names never become paths here; whoever sends `../` expects that they do.
 */
export function requireName(field: string, text: string): string {
  requireString(field, text);
  if (/\p{Cc}/u.test(text)) throw new InvalidRequestError(field, `${quote(text)} has control characters`);
  if (text.includes("/") || text === "." || text === "..") {
    throw new InvalidRequestError(
      field,
      `${quote(text)} reads as a path: names have no / and are not . or ..`,
    );
  }
  return text;
}

/** 1 to 128 bytes. Whether it is an id of ours is another question: unknown ids are not malformed requests. */
export function requireString(field: string, text: string): string {
  if (text === "") throw new InvalidRequestError(field, "is required");
  if (Buffer.byteLength(text) > MAX_STRING_BYTES) {
    throw new InvalidRequestError(field, `${quote(text)} is longer than ${MAX_STRING_BYTES} bytes`);
  }
  return text;
}

/** Present, and no longer than a path can be. What it may point to is checked by mounts/paths.ts, after the volume. */
export function requirePath(field: string, text: string): string {
  if (text === "") throw new InvalidRequestError(field, "is required");
  if (Buffer.byteLength(text) > MAX_PATH_BYTES || text.includes("\0")) {
    throw new InvalidRequestError(field, `${quote(text)} is no path: too long, or with a NUL`);
  }
  return text;
}

export function requireSmallMap(field: string, map: StringMap): StringMap {
  const size = Object.entries(map).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (size > MAX_MAP_BYTES)
    throw new InvalidRequestError(field, `is ${size} bytes, at most ${MAX_MAP_BYTES} are allowed`);
  return map;
}

/** A map that nobody reads: it must be empty. */
export function requireEmptyMap(field: string, map: StringMap): void {
  const [key] = Object.keys(map);
  if (key !== undefined) throw new InvalidRequestError(field, `is not supported, but has ${quote(key)}`);
}

/** CSI's CapacityRange; sizes are int64 as text, 0 means not given. Absent where the message is. */
export function parseRange(
  field: string,
  range: { readonly required_bytes: string; readonly limit_bytes: string } | null,
): SizeRange | undefined {
  if (range === null) return undefined;
  const required = BigInt(range.required_bytes);
  const limit = BigInt(range.limit_bytes);
  if (required < 0n) throw new InvalidRequestError(`${field}.required_bytes`, `${required} is negative`);
  if (limit < 0n) throw new InvalidRequestError(`${field}.limit_bytes`, `${limit} is negative`);
  if (required === 0n && limit === 0n)
    throw new InvalidRequestError(field, "has neither required_bytes nor limit_bytes");
  if (limit !== 0n && limit < required) {
    throw new InvalidRequestError(
      `${field}.limit_bytes`,
      `${limit} is less than required_bytes, ${required}`,
    );
  }
  return {
    ...(required === 0n ? {} : { required: bytes(required) }),
    ...(limit === 0n ? {} : { limit: bytes(limit) }),
  };
}

/** Entries a list may have at most; 0 means that the caller does not mind. */
export function requireCount(field: string, count: number): number {
  if (count < 0) throw new InvalidRequestError(field, `${count} is negative`);
  return count;
}
