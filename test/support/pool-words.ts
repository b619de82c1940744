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
export const poolWords = (pool: string, options?: { readonly flush: boolean }): Promise<PoolWords> =>
  thinPoolWords(`dmthin-${pool}-pool`, options);

/** The same of any thin-pool device. */
export async function thinPoolWords(device: string, { flush = false } = {}): Promise<PoolWords> {
  const flags = flush ? [] : ["--noflush"];
  const words = (await run("dmsetup", "status", ...flags, device)).split(" ");
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
