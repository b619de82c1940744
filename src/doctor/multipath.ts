/** Does the host's multipathd keep its hands off dm and loop devices? From the text of multipath.conf. Pure. */
import { ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const CHECK = "multipath";
const CURE =
  'in /etc/multipath.conf: blacklist { devnode "^(dm-|loop)" }, then multipathd reconfigure; see docs/guides/lvm-and-multipath-filters.md';

/** `configuration`: undefined where there is none. */
export function judgeMultipath(configuration: string | undefined): Finding {
  if (configuration === undefined) return ok(CHECK, "multipath is not configured here");
  const plain = configuration.replaceAll(/[#!].*$/gm, "");
  const blacklists = [...plain.matchAll(/\bblacklist\s*\{([^}]*)\}/g)]
    .map(([, body = ""]) => body)
    .join("\n");
  const devnodes = [...blacklists.matchAll(/\bdevnode\s+"([^"]*)"/g)].map(
    ([, expression = ""]) => expression,
  );
  const keepsOff = (name: string): boolean => devnodes.some((expression) => matches(expression, name));
  return keepsOff("dm-7") && keepsOff("loop0")
    ? ok(CHECK, "dm and loop devices are blacklisted")
    : warn(CHECK, "multipath.conf does not blacklist dm and loop devices by name", CURE);
}

function matches(expression: string, name: string): boolean {
  try {
    return new RegExp(expression).test(name);
  } catch {
    return false;
  }
}
