/** What a hostile or broken caller puts into a field. */
import type { Random } from "../random.ts";

/** In every secret, and in what must not be logged either; nowhere else. */
export const PRIVATE = "PRIVATE-";
/** In every text that is made up for a name or an option: must not reach a command line. */
export const MADE_UP = "MADEUP";

export interface TextSource {
  readonly names: readonly string[];
  /** Ids of objects that exist, or did. */
  readonly ids: readonly string[];
  /** Paths in kubelet's directory that a kubelet would ask for. */
  readonly paths: readonly string[];
  /** Paths that lead elsewhere, or nowhere. */
  readonly badPaths: readonly string[];
}

const SHELL = [
  `$(touch ${MADE_UP})`,
  `\`reboot ${MADE_UP}\``,
  `; reboot # ${MADE_UP}`,
  `| tee /${MADE_UP}`,
  `\n/bin/sh -c ${MADE_UP}`,
  `--help=${MADE_UP}`,
  `-o${MADE_UP}`,
  `-F ${MADE_UP}`,
  `'"${MADE_UP}`,
  `%s%n${MADE_UP}`,
  `x\0${MADE_UP}`,
  `\u001B[2J${MADE_UP}`,
  `\u202E${MADE_UP}\u2028`,
  `\uD800${MADE_UP}`,
  `\uFFFF\u{10FFFF}${MADE_UP}`,
  `é${MADE_UP}`,
  `e\u0301${MADE_UP}`,
];
const PLAIN = ["", " ", ".", "..", "/", "-", "--", "__proto__", "constructor", "null", "0", "\0", "\n", "{}"];
const LENGTHS = [127, 128, 129, 129, 255, 4095, 4096, 4097, 70_000];

export function hostileText(random: Random, field: string, source: TextSource): string {
  const roll = random.between(0, 9);
  if (/path/.test(field) && roll < 6)
    return random.pick(random.chance(0.5) ? source.badPaths : source.paths) ?? "";
  if (/id|token/.test(field) && roll < 5) return bent(random, random.pick(source.ids) ?? "");
  if (/name/.test(field) && roll < 4) return random.pick(source.names) ?? "";
  if (roll < 6) return random.pick(SHELL) ?? "";
  if (roll < 8) return random.pick(PLAIN) ?? "";
  const length = random.pick(LENGTHS) ?? 0;
  return `${MADE_UP}${(random.pick(["x", "ü", "-", "/"]) ?? "").repeat(length)}`.slice(0, length);
}

/** An id with one thing wrong about it; or none. */
function bent(random: Random, id: string): string {
  const at = random.between(0, Math.max(id.length - 1, 0));
  switch (random.between(0, 6)) {
    case 0:
      return id;
    case 1:
      return id.toUpperCase();
    case 2:
      return `${id.slice(0, at)}${id.slice(at + 1)}`;
    case 3:
      return `${id.slice(0, at)}f${id.slice(at + 1)}`;
    case 4:
      return id.replace(/^./, random.pick(["v", "s", "g", "x"]) ?? "");
    case 5:
      return `${id}\n`;
    default:
      return `../${id}`;
  }
}

export const privateText = (random: Random): string => `${PRIVATE}${random.between(0, 2 ** 31).toString(36)}`;

const NUMBERS = [
  "0",
  "1",
  "-1",
  "4095",
  "4096",
  "67108863",
  "67108864",
  "67108865",
  "83886080",
  "9007199254740993",
  "9223372036854771712",
  "9223372036854775807",
  "-9223372036854775808",
];

/** int64 as text. */
export const hostileSize = (random: Random): string => random.pick(NUMBERS) ?? "0";
export const hostileCount = (random: Random): number =>
  random.pick([0, 1, 2, 5000, 5001, -1, 2 ** 31 - 1, -(2 ** 31)]) ?? 0;
/** Also numbers that no contract has. */
export const hostileEnum = (random: Random): number => random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 99, -1]) ?? 0;
