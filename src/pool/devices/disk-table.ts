/** The partition table of each disk, from the label: it keeps other tools away, and dmthin itself goes by the label. */
import { createHash } from "node:crypto";
import { PoolSetupError } from "../../core/errors.ts";
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import { bytes, MIB, roundUp } from "../../core/units.ts";
import type { Bytes } from "../../core/units.ts";
import type { NewTable, Partition, PartitionTable } from "../../host/sfdisk.ts";
import { labelledMember } from "../label.ts";
import type { Label } from "../label.ts";
import { runsOf } from "../layout.ts";
import type { Extent, ExtentRole, Extents, Member } from "../layout.ts";
import { DATA_GAP, DISK_LABEL_FROM, usableEnd } from "./disk-layout.ts";

/** GPT has room for 36 characters. */
const MOST_OF_NAME = 20;
const prefix = (pool: PoolName): string => `dmthin-${pool.slice(0, MOST_OF_NAME)}-`;

const WORDS: Readonly<Record<ExtentRole, string>> = {
  catalog: "catalog",
  meta: "metadata",
  spare: "spare",
  data: "data",
};

/** In the order of the disk; the last data partition takes all that there is. */
export function partitionsOf(
  extents: Extents,
  member: Member,
  size: Bytes,
  pool: PoolName,
): readonly Partition[] {
  const pieces = joined(runsOf(extents).filter((run) => run.member === member));
  return pieces.map(({ role, offset, length }, index) => {
    const isLast = index === pieces.length - 1;
    const start = index === 0 ? DISK_LABEL_FROM : bytes(role === "data" ? offset - DATA_GAP : offset);
    const end = isLast && role === "data" ? usableEnd(size) : roundUp(offset + length, MIB);
    // The second copy of the table would lie in the data.
    if (end < offset + length)
      throw new PoolSetupError(
        `disk ${member} of pool ${pool}: has ${size} bytes, and ${role} on it ends at ${offset + length}, which leaves no room for the end of a partition table: it was cut; restore it`,
      );
    return { name: `${prefix(pool)}${WORDS[role]}`, start, size: bytes(end - start) };
  });
}

/** Runs of one role that follow each other are one piece. */
function joined(runs: readonly Extent[]): readonly Extent[] {
  const pieces: Extent[] = [];
  for (const run of runs.toSorted((one, other) => (one.offset < other.offset ? -1 : 1))) {
    const last = pieces.at(-1);
    if (last?.role === run.role && last.offset + last.length === run.offset)
      pieces[pieces.length - 1] = { ...last, length: bytes(last.length + run.length) };
    else pieces.push(run);
  }
  return pieces;
}

/** The same each time for the same label and disk. */
export function tableOf(label: Label, member: Member, size: Bytes): NewTable {
  return {
    id: uuidOf(`${label.pool} ${member}`),
    partitions: partitionsOf(label.extents, member, size, label.name).map(
      ({ name, start, size: length }) => ({
        name,
        start,
        size: length,
        id: partitionId(label.pool, member, name, start),
      }),
    ),
  };
}

export function isAsWritten(found: PartitionTable | undefined, { partitions }: NewTable): boolean {
  if (found === undefined) return partitions.length === 0;
  return (
    found.label === "gpt" &&
    found.partitions.length === partitions.length &&
    partitions.every((each, index) => {
      const other = found.partitions[index];
      return other?.name === each.name && other.start === each.start && other.size === each.size;
    })
  );
}

/**
 * Partitions that somebody else has made on a disk of the pool; a table of another kind counts as one. Where the pool had
 * another name once, its partitions are told by their identifiers.
 */
export function strangersIn(table: PartitionTable, label: Label): readonly string[] {
  if (table.label !== "gpt") return [`a ${table.label} partition table`];
  const member = labelledMember(label);
  return table.partitions.flatMap(({ name, start, id }) =>
    name.startsWith(prefix(label.name)) || id === partitionId(label.pool, member, name, start)
      ? []
      : [`partition ${JSON.stringify(name)} at byte ${start}`],
  );
}

const partitionId = (pool: PoolUuid, member: Member, name: string, start: Bytes): string =>
  uuidOf(`${pool} ${member} ${name} ${start}`);

function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  // Version 8: of the maker's own kind.
  const fields = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [...fields, hex.slice(20, 32)].join("-").toUpperCase();
}
