/**
 * Does a device hold anything? Signatures and partition tables by blkid, and our own look at both ends: blkid gives one
 * answer (exit 2) for "nothing there" and "cannot be read", and these must never be taken for each other.
 */
import type { BlockDevice } from "../core/dm.ts";
import { ParseError } from "../core/errors.ts";
import { readBlock } from "./block-device.ts";
import type { Runner } from "./run.ts";

export type Content =
  | { readonly kind: "blank" }
  | {
      readonly kind: "holds";
      /** For people: `an ext4 filesystem`, `a gpt partition table`. */
      readonly what: string;
      /** False for bytes that nothing knows: old data, or a format blkid does not know. */
      readonly recognised: boolean;
    };

const NOTHING = 2;
const AMBIVALENT = 8;
const PROBE_TIMEOUT_MS = 30_000;
const END_BYTES = 1024 * 1024;

/** Rejects (ToolError, or Node's error with a code) where the device cannot be read: that is never "blank". */
export async function probe(runner: Runner, device: BlockDevice): Promise<Content> {
  const result = await runner.run("blkid", ["--probe", "--output", "export", device.path], {
    accept: [0, NOTHING, AMBIVALENT],
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  if (result.exitCode === 0) {
    const tags = parseBlkid(result.stdout);
    if (![...tags.keys()].every(isOfPlace))
      return { kind: "holds", what: describeSignature(tags), recognised: true };
  }
  if (result.exitCode === AMBIVALENT)
    return { kind: "holds", what: "signatures of several formats", recognised: true };
  return lookAtEnds(device);
}

/** Of a blank partition blkid tells where it lies, and exits with 0. That is in the table of its disk, not in the partition. */
const isOfPlace = (key: string): boolean => key === "DEVNAME" || key.startsWith("PART_ENTRY_");

async function lookAtEnds({ path, size }: BlockDevice): Promise<Content> {
  const length = Number(size < BigInt(END_BYTES) ? size : BigInt(END_BYTES));
  for (const offset of [0n, size - BigInt(length)]) {
    const end = await readBlock(path, offset, length);
    const position = end.findIndex((byte) => byte !== 0);
    if (position !== -1) {
      return { kind: "holds", what: `unknown data at byte ${offset + BigInt(position)}`, recognised: false };
    }
  }
  return { kind: "blank" };
}

/** `KEY=value` lines. Throws ParseError. */
function parseBlkid(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const end = line.indexOf("=");
      if (end < 1) throw new ParseError("blkid", "line", line, "KEY=value");
      return [line.slice(0, end), line.slice(end + 1)] as const;
    }),
  );
}

function describeSignature(tags: ReadonlyMap<string, string>): string {
  const [type, usage, table] = ["TYPE", "USAGE", "PTTYPE"].map((key) => tags.get(key));
  const label = tags.get("LABEL");
  if (type !== undefined)
    return `${type}${usage === undefined ? "" : ` (${usage})`}${label === undefined ? "" : ` labelled ${JSON.stringify(label)}`}`;
  return table === undefined ? "a signature that blkid knows" : `a ${table} partition table`;
}
