/** Whether a pool's thin metadata is sound, and fits its catalog. Changes nothing but a metadata snapshot of an active pool. */
import type { ThinListing } from "../core/dm.ts";
import type { CatalogContent } from "../core/records.ts";
import { checkMetadata, listThins, withMetadataSnapshot } from "../host/thin-tools.ts";
import type { MetadataCheck } from "../host/thin-tools.ts";
import { readThinSuperblock } from "../host/thin-superblock.ts";
import { checkFence, offline } from "../plan/fence.ts";
import type { MetadataFinding } from "../plan/repair.ts";
import { troubleOf } from "./execute.ts";
import type { IdlePool } from "./idle-pool.ts";

export interface PoolCheck {
  /** What was looked at, for people. */
  readonly extent: string;
  /** What is wrong; empty: sound. The metadata first, then what does not fit the catalog. */
  readonly problems: readonly string[];
  /** `lost`: ids of the catalog whose thin is not in the metadata. */
  readonly thins: number | undefined;
  readonly lost: readonly string[];
}

const FULL = "all of the metadata: devices, every mapping, the counts of both space maps";
const LIVE =
  "the devices and every mapping as of now, by a metadata snapshot, as the pool is active; the space maps are not checked";

/** Rejects where the metadata cannot be read at all: that is no finding. */
export async function checkPool(pool: IdlePool): Promise<PoolCheck> {
  return (await pool.isActive()) ? checkActive(pool) : checkInactive(pool);
}

/** The superblock and a full check of metadata that no pool uses. */
export async function examine(
  pool: IdlePool,
  path: string,
): Promise<{ readonly finding: MetadataFinding; readonly report: string }> {
  const superblock = await readThinSuperblock(path);
  const check = await checkMetadata(pool.runner, path);
  const treesSound = check.kind === "sound" || check.treesSound;
  return { finding: { superblock, sound: check.kind === "sound", treesSound }, report: reportOf(check) };
}

async function checkInactive(pool: IdlePool): Promise<PoolCheck> {
  const { path } = pool.nodes.meta;
  const { finding, report } = await examine(pool, path);
  const { superblock, sound } = finding;
  if (!sound || superblock === undefined)
    return { extent: FULL, problems: [`thin_check: ${report}`], thins: undefined, lost: [] };
  const thins = await listThins(pool.runner, path, { live: false });
  const flag = superblock.needsCheck
    ? ["the kernel set needs_check, although a full check finds nothing wrong"]
    : [];
  const compared = compare(pool.catalog, superblock.transactionId, thins);
  return { ...compared, extent: FULL, problems: [...flag, ...compared.problems] };
}

async function checkActive(pool: IdlePool): Promise<PoolCheck> {
  const { dmsetup, poolDevice, runner, nodes } = pool;
  const status = await dmsetup.poolStatus(poolDevice, { flush: false });
  const trouble = troubleOf(status);
  if (trouble !== undefined || status.kind !== "active") {
    const extent =
      "the status of the active pool only: in this state the kernel gives no look at its metadata";
    return { extent, problems: [trouble ?? "the pool has failed"], thins: undefined, lost: [] };
  }
  return withMetadataSnapshot(dmsetup, poolDevice, async () => {
    const check = await checkMetadata(runner, nodes.meta.path, { live: true });
    if (check.kind === "damaged")
      return { extent: LIVE, problems: [`thin_check: ${check.report}`], thins: undefined, lost: [] };
    const thins = await listThins(runner, nodes.meta.path, { live: true });
    return { ...compare(pool.catalog, status.transactionId, thins), extent: LIVE };
  });
}

function compare(
  catalog: CatalogContent | string,
  transactionId: bigint,
  thins: readonly ThinListing[],
): Omit<PoolCheck, "extent"> {
  if (typeof catalog === "string")
    return { problems: [`the catalog cannot be read: ${catalog}`], thins: thins.length, lost: [] };
  const { excess, lost } = checkFence(catalog, offline(transactionId, thins));
  const problems = [...excess, ...[...lost].map((id) => `the thin of ${id} is missing: its content is lost`)];
  return { problems, thins: thins.length, lost: [...lost] };
}

const reportOf = (check: MetadataCheck): string =>
  check.kind === "sound" ? "sound" : check.report.split("\n").join("; ");
