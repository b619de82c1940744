/** How an active pool is, in the kernel's words: blocks of 64 KiB of data, of 4 KiB of metadata. */
import { run } from "./machine-state.ts";

export interface PoolWords {
  readonly mode: string;
  readonly used: bigint;
  readonly total: bigint;
  readonly usedMeta: bigint;
  readonly totalMeta: bigint;
  readonly needsCheck: boolean;
}

/** Without a flush, which would have the kernel commit, unless it is wanted. */
export async function poolWords(pool: string, { flush = false } = {}): Promise<PoolWords> {
  const flags = flush ? [] : ["--noflush"];
  const words = (await run("dmsetup", "status", ...flags, `dmthin-${pool}-pool`)).split(" ");
  const [usedMeta = "", totalMeta = ""] = words[4]?.split("/") ?? [];
  const [used = "", total = ""] = words[5]?.split("/") ?? [];
  return {
    mode: words[7] ?? "",
    used: BigInt(used),
    total: BigInt(total),
    usedMeta: BigInt(usedMeta),
    totalMeta: BigInt(totalMeta),
    needsCheck: words[10] === "needs_check",
  };
}

/** MiB of data. */
export async function dataMebibytes(
  pool: string,
  options?: { readonly flush: boolean },
): Promise<{ readonly used: number; readonly total: number }> {
  const { used, total } = await poolWords(pool, options);
  return { used: Number(used) / 16, total: Number(total) / 16 };
}
