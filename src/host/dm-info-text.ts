/** Text of `dmsetup info -c` and `dmsetup targets`. Every field is required; a surprise names its line. */
import { isDevNumber, type DevNumber, type DmDevice } from "../core/dm.ts";
import { ParseError } from "../core/errors.ts";
import { DM_UUID_PREFIX, type DmName, type DmUuid } from "../core/ids.ts";

/** The columns `parseDmInfo` reads, in this order, separated by `|`. */
export const DM_INFO_FIELDS = "name,uuid,major,minor,open,suspended,tables_loaded";

/** Names that dmsetup never mangles; dmthin makes no others, so a mangled name is never one of ours. */
const DM_NAME = /^[0-9A-Za-z#+.:=@_-]{1,127}$/;

export const isDmName = (text: string): text is DmName => DM_NAME.test(text);
/** Ownership of a device is by this prefix. */
const isOwnUuid = (text: string): text is DmUuid => text.startsWith(DM_UUID_PREFIX) && text.length <= 128;

const STATES: Readonly<Record<string, boolean>> = { Active: false, Suspended: true };
const TABLES: Readonly<Record<string, { readonly live: boolean; readonly inactive: boolean }>> = {
  None: { live: false, inactive: false },
  Live: { live: true, inactive: false },
  Inactive: { live: false, inactive: true },
  Both: { live: true, inactive: true },
};

function field<T>(table: Readonly<Record<string, T>>, line: string, position: string, found: string): T {
  const value = Object.hasOwn(table, found) ? table[found] : undefined;
  if (value === undefined) {
    throw new ParseError(`dm info ${JSON.stringify(line)}`, position, found, Object.keys(table).join(", "));
  }
  return value;
}

function count(line: string, position: string, found: string): number {
  if (!/^\d{1,10}$/.test(found))
    throw new ParseError(`dm info ${JSON.stringify(line)}`, position, found, "a number");
  return Number(found);
}

function deviceNumber(line: string, found: string): DevNumber {
  if (!isDevNumber(found))
    throw new ParseError(`dm info ${JSON.stringify(line)}`, "major, minor", found, "numbers of a device");
  return found;
}

function parseLine(line: string): DmDevice | undefined {
  const parts = line.split("|");
  const [name, uuid, major, minor, open, suspended, tables] = parts;
  if (
    name === undefined ||
    uuid === undefined ||
    major === undefined ||
    minor === undefined ||
    open === undefined ||
    suspended === undefined ||
    tables === undefined ||
    parts.length !== 7
  ) {
    throw new ParseError("dm info", "line", line, `the seven fields ${DM_INFO_FIELDS}`);
  }
  if (!isOwnUuid(uuid)) return undefined;
  if (!isDmName(name))
    throw new ParseError(`dm info ${JSON.stringify(line)}`, "name", name, "a plain dm name");
  const loaded = field(TABLES, line, "tables_loaded", tables);
  return {
    name,
    uuid,
    number: deviceNumber(line, `${major}:${minor}`),
    open: count(line, "open", open),
    suspended: field(STATES, line, "suspended", suspended),
    liveTable: loaded.live,
    inactiveTable: loaded.inactive,
  };
}

/** The devices of dmthin (by uuid) among all; `No devices found` is an empty list. Throws ParseError. */
export function parseDmInfo(text: string): readonly DmDevice[] {
  return linesOf(text)
    .map(parseLine)
    .filter((device) => device !== undefined);
}

/** Target name to `v1.2.3`, as `dmsetup targets` lists them. */
export function parseTargets(text: string): ReadonlyMap<string, string> {
  return new Map(
    linesOf(text).map((line) => {
      const [, name, version] = /^(\S+)\s+(v\d+\.\d+\.\d+)\s*$/.exec(line) ?? [];
      if (name === undefined || version === undefined) {
        throw new ParseError("dm targets", "line", line, "a target name and its version");
      }
      return [name, version] as const;
    }),
  );
}

/** Lines with content; dmsetup's `No devices found` counts as none. */
export function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "" && line.trim() !== "No devices found");
}
