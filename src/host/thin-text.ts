/** Text of the thin target; thin_status() in drivers/md/dm-thin.c. */
import type { ThinStatus, ThinTable } from "../core/dm.ts";
import { MAX_THIN_ID, thinId } from "../core/ids.ts";
import { sectors } from "../core/units.ts";
import { singleTarget, Words } from "./table-text.ts";

/** `0 2097152 thin 132480 2097151`; `-` for the highest sector means never written. Throws ParseError. */
export function parseThinStatus(line: string): ThinStatus {
  const words = new Words(line);
  singleTarget(words, "thin");
  const first = words.word("mapped sectors");
  // Fail: the pool failed. Error: the metadata could not be read. A lone dash: the thin was never opened.
  if (first === "Fail" || first === "Error" || first === "-") return { kind: "fail" };
  const mapped = sectors(words.toNatural("mapped sectors", first));
  const highest = words.word("highest mapped sector");
  if (highest === "-") return { kind: "active", mapped };
  return {
    kind: "active",
    mapped,
    highestMapped: sectors(words.toNatural("highest mapped sector", highest)),
  };
}

/** `0 <length> thin <pool> <id>`. */
export function formatThinTable(table: ThinTable): string {
  return `0 ${table.length} thin ${table.pool} ${table.thinId}`;
}

/** Throws ParseError; an external origin, which dmthin never makes, is one. */
export function parseThinTable(line: string): ThinTable {
  const words = new Words(line);
  const length = singleTarget(words, "thin");
  const pool = words.device("pool device");
  const id = words.natural("thin id");
  if (id > BigInt(MAX_THIN_ID)) throw words.surprise("thin id", `${id}`, `at most ${MAX_THIN_ID}`);
  words.end();
  return { length, pool, thinId: thinId(Number(id)) };
}
