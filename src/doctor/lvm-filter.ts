/** Does the host's LVM keep its hands off dmthin's volumes? From the text of lvm.conf. Pure. */
import { fail, ok, unknown, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const CHECK = "lvm filter";
const CURE =
  'in devices { } of /etc/lvm/lvm.conf: global_filter = [ "r|^/dev/mapper/dmthin-|", "r|^/dev/disk/by-id/dm-name-dmthin-|", "r|^/dev/disk/by-id/dm-uuid-DMTHIN-|" ], before other entries; see docs/guides/lvm-and-multipath-filters.md';

/** Names under which udev and libdm show a volume, apart from `/dev/dm-N`, which says nothing. */
const VOLUME_NAMES = [
  "/dev/mapper/dmthin-fast-v-00000000000000000000",
  "/dev/disk/by-id/dm-name-dmthin-fast-v-00000000000000000000",
  "/dev/disk/by-id/dm-uuid-DMTHIN-00000000000000000000000000000000-v-00000000000000000000",
] as const;

export interface LvmFacts {
  /** Of /etc/lvm/lvm.conf; undefined: there is none. */
  readonly configuration: string | undefined;
  /** Whether /etc/lvm/devices/system.devices exists. */
  readonly devicesFile: boolean;
}

export function judgeLvm({ configuration, devicesFile }: LvmFacts): Finding {
  if (configuration === undefined) return ok(CHECK, "lvm2 is not configured here");
  const settings = settingsOf(configuration);
  const usesDevicesFile = settings.get("use_devicesfile") ?? "";
  if (devicesFile && !usesDevicesFile.startsWith("0"))
    return ok(CHECK, "LVM looks only at the devices of its devices file");
  const text = settings.get("global_filter");
  if (text === undefined)
    return warn(CHECK, "LVM has no global_filter: it looks into raw block volumes of pods", CURE);
  const patterns = patternsOf(text);
  if (patterns === undefined) return unknown(CHECK, `global_filter is not understood: ${text}`);
  return isRejected(VOLUME_NAMES, patterns)
    ? ok(CHECK, "LVM's global_filter rejects dmthin's volumes")
    : fail(
        CHECK,
        "LVM's global_filter lets dmthin's volumes through: what a pod writes into one is activated by the host",
        CURE,
      );
}

/** Uncommented `name = value`, lists over several lines joined. The last one of a name counts, as LVM has it. */
function settingsOf(text: string): ReadonlyMap<string, string> {
  const plain = text.replaceAll(/^\s*#.*$/gm, "");
  const found = plain.matchAll(/^\s*(?:devices\/)?(\w+)\s*=\s*(\[[^\]]*\]|\S+)/gm);
  return new Map([...found].map(([, name = "", value = ""]) => [name, value]));
}

interface Pattern {
  readonly accepts: boolean;
  readonly expression: RegExp;
}

/** `a|regex|` accepts, `r|regex|` rejects; any character may stand for the bar. */
function patternsOf(list: string): readonly Pattern[] | undefined {
  const entries = [...list.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, entry = ""]) =>
    entry.replaceAll('\\"', '"'),
  );
  const patterns = entries.map((entry): Pattern | undefined => {
    const kind = entry[0];
    const delimiter = entry.slice(1, 2);
    const end = entry.lastIndexOf(delimiter);
    if ((kind !== "a" && kind !== "r") || delimiter === "" || end < 2) return undefined;
    try {
      return { accepts: kind === "a", expression: new RegExp(entry.slice(2, end)) };
    } catch {
      return undefined;
    }
  });
  return patterns.every((each) => each !== undefined) ? patterns : undefined;
}

/**
 * lvm.conf(5): the first pattern that matches a name decides about that name; one accepted name is enough to accept a
 * device, and a device none of whose names matches anything is accepted.
 */
function isRejected(names: readonly string[], patterns: readonly Pattern[]): boolean {
  const verdicts = names.flatMap((name) => patterns.find(({ expression }) => expression.test(name)) ?? []);
  return verdicts.length > 0 && verdicts.every(({ accepts }) => !accepts);
}
