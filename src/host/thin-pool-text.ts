/**
 * Text of the thin-pool target. Grammar: kernel Documentation/admin-guide/device-mapper/thin-provisioning.rst and
 * pool_status() in drivers/md/dm-thin.c. Later kernels append fields: extra words of a status are ignored.
 */
import type { PoolMode, PoolStatus, PoolTable } from "../core/dm.ts";
import { dataBlocks, metaBlocks, sectors } from "../core/units.ts";
import { singleTarget, Words } from "./table-text.ts";

const MODES = ["rw", "ro", "out_of_data_space"] as const satisfies readonly PoolMode[];
const DISCARDS = ["ignore_discard", "discard_passdown", "no_discard_passdown"] as const;
const WHEN_FULL = ["error_if_no_space", "queue_if_no_space"] as const;

/** `0 8388608 thin-pool 0 1652/16384 0/65536 - rw discard_passdown queue_if_no_space - 1024`. Throws ParseError. */
export function parsePoolStatus(line: string): PoolStatus {
  const words = new Words(line);
  singleTarget(words, "thin-pool");
  const first = words.word("transaction id");
  if (first === "Fail" || first === "Error") return { kind: "fail" };
  const transactionId = words.toNatural("transaction id", first);
  const [usedMeta, totalMeta] = words.ratio("metadata blocks");
  const [usedData, totalData] = words.ratio("data blocks");
  const held = words.word("held root");
  const mode = words.oneOf("mode", MODES);
  const discard = words.oneOf("discard", DISCARDS);
  const whenFull = words.oneOf("when full", WHEN_FULL);
  const check = words.optional();
  if (check !== undefined && check !== "-" && check !== "needs_check") {
    throw words.surprise("needs check", check, "needs_check, -");
  }
  const lowWater = words.optional();
  return {
    kind: "active",
    transactionId,
    usedMeta: metaBlocks(usedMeta),
    totalMeta: metaBlocks(totalMeta),
    usedData: dataBlocks(usedData),
    totalData: dataBlocks(totalData),
    ...(held === "-" ? {} : { heldRoot: words.toNatural("held root", held) }),
    mode,
    discard,
    whenFull,
    needsCheck: check === "needs_check",
    ...(lowWater === undefined
      ? {}
      : { metaLowWater: metaBlocks(words.toNatural("metadata low water", lowWater)) }),
  };
}

/** `0 <length> thin-pool <metadata> <data> <block sectors> <low water> <#features> <feature>…`. */
export function formatPoolTable(table: PoolTable): string {
  const { length, metadata, data, blockSectors, lowWater, features } = table;
  return [
    "0",
    length,
    "thin-pool",
    metadata,
    data,
    blockSectors,
    lowWater,
    features.length,
    ...features,
  ].join(" ");
}

/** Throws ParseError. */
export function parsePoolTable(line: string): PoolTable {
  const words = new Words(line);
  const length = singleTarget(words, "thin-pool");
  const metadata = words.device("metadata device");
  const data = words.device("data device");
  const blockSectors = sectors(words.natural("block size"));
  const lowWater = dataBlocks(words.natural("low water"));
  const count = words.natural("feature count");
  if (count !== BigInt(words.left))
    throw words.surprise("feature count", `${count}`, `${words.left}, the words after it`);
  const features = Array.from({ length: words.left }, () => words.word("feature"));
  return { length, metadata, data, blockSectors, lowWater, features };
}
