/** The value of the topology label of a node. It never changes for a name: volumes are placed by it. */

/** Kubernetes: at most 63 characters, letters and digits at both ends, also `-`, `_`, `.` between. */
const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

const HASH_DIGITS = 16;
const READABLE = 63 - 1 - HASH_DIGITS;

/**
 * The node's name where it is a valid label value, else its readable beginning, `_` and 16 hex digits. No Kubernetes
 * node name has a `_`, so a made value never equals the name of another node.
 */
export function topologyValue(nodeName: string): string {
  if (LABEL_VALUE.test(nodeName)) return nodeName;
  const readable = nodeName
    .replaceAll(/[^A-Za-z0-9.-]/g, "-")
    .slice(0, READABLE)
    .replaceAll(/^[.-]+|[.-]+$/g, "");
  return `${readable === "" ? "node" : readable}_${fnv1a64(nodeName).toString(16).padStart(HASH_DIGITS, "0")}`;
}

/** FNV-1a, 64 bits, over the code points' UTF-8. Told apart are the names of one cluster: no attacker chooses them. */
export function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of utf8(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** `encodeURIComponent` is the language's own UTF-8 encoder; core uses nothing of the platform. */
function utf8(text: string): number[] {
  const escaped = encodeURIComponent(text.toWellFormed());
  return (escaped.match(/%[0-9A-F]{2}|./g) ?? []).map((unit) =>
    unit.startsWith("%") ? Number.parseInt(unit.slice(1), 16) : unit.charCodeAt(0),
  );
}
