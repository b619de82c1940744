/**
 * Takes a look at all of a pool as its driver would at an opening, without one, and gives it another name where that is
 * asked for. Whatever ends it in between, it may be repeated: labels of which some have the new name are finished first.
 */
import type { DmDevice } from "../../core/dm.ts";
import { PreconditionError } from "../../core/errors.ts";
import { parsePoolOfUuid, parseThinUuid, poolDeviceName, thinDeviceName } from "../../core/ids.ts";
import type { PoolDeviceRole, PoolName, PoolUuid } from "../../core/ids.ts";
import type { PoolOptions } from "../../core/pool-options.ts";
import type { CatalogContent, ObjectState } from "../../core/records.ts";
import { Dmsetup } from "../../host/dmsetup.ts";
import { readThinSuperblock } from "../../host/thin-superblock.ts";
import { checkMetadata, listThins, withMetadataSnapshot } from "../../host/thin-tools.ts";
import { checkFence, offline } from "../../plan/fence.ts";
import type { PoolView } from "../../plan/fence.ts";
import { troubleOf } from "../execute.ts";
import { holdIdlePool } from "../idle-pool.ts";
import type { IdleContext, IdlePool } from "../idle-pool.ts";
import { EXTENT_ROLES } from "../layout.ts";

export type Adoption =
  | {
      readonly kind: "fit";
      readonly volumes: number;
      readonly snapshots: number;
      /** Ids of the catalog whose thin is not in the metadata. */
      readonly lost: readonly string[];
    }
  /** Nothing was changed but what every opening mends. */
  | { readonly kind: "unfit"; readonly problems: readonly string[] };

/**
 * `as`: another name than its own. Throws PoolUnavailableError where a driver holds the pool, PoolSetupError where its devices
 * are not right, PreconditionError where it is active under another name.
 */
export async function adoptPool(
  options: PoolOptions,
  uuid: PoolUuid,
  as: PoolName | undefined,
  context: IdleContext,
): Promise<Adoption> {
  await requireNoOther(options.name, uuid, as ?? options.name, new Dmsetup(context.runner));
  if (as === undefined) return holding(options, context, examine);
  const adoption = await holding(options, { ...context, as }, async (pool) => {
    const found = await examine(pool);
    if (found.kind === "fit") await pool.rename();
    return found;
  });
  // As it will be opened; partition tables, which name the pool, follow the labels.
  return adoption.kind === "unfit" ? adoption : holding({ ...options, name: as }, context, examine);
}

async function holding<T>(
  options: PoolOptions,
  context: IdleContext,
  work: (pool: IdlePool) => Promise<T>,
): Promise<T> {
  const pool = await holdIdlePool(options, context);
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}

/** Neither may the pool be active under another name, nor another pool under this one. */
async function requireNoOther(
  now: PoolName,
  uuid: PoolUuid,
  name: PoolName,
  dmsetup: Dmsetup,
): Promise<void> {
  const present = await dmsetup.list();
  const right = new Set<string>(ROLES.map((role) => poolDeviceName(name, role)));
  const own = present.filter((device) => parsePoolOfUuid(device.uuid) === uuid);
  const elsewhere = own.filter((device) => !right.has(device.name) && !isThinOf(name, device));
  if (elsewhere.length > 0)
    throw new PreconditionError(
      `pool ${now} (${uuid}) has devices here that are not named after ${name}: ${elsewhere.map((device) => device.name).join(", ")}; end what uses them, take them down (unmount, dmsetup remove), and repeat`,
    );
  const taken = present.filter((device) => right.has(device.name) && parsePoolOfUuid(device.uuid) !== uuid);
  if (taken.length === 0) return;
  throw new PreconditionError(
    `the name ${name} is in use here: ${taken.map((device) => `${device.name} (${device.uuid})`).join(", ")}; choose another with --as, or remove what is left of that pool`,
  );
}

const ROLES: readonly PoolDeviceRole[] = ["pool", ...EXTENT_ROLES];

function isThinOf(name: PoolName, device: DmDevice): boolean {
  const thin = parseThinUuid(device.uuid);
  return thin !== undefined && device.name === thinDeviceName(name, thin.key);
}

async function examine(pool: IdlePool): Promise<Adoption> {
  const { catalog } = pool;
  if (typeof catalog === "string") return unfit(`its catalog cannot be read: ${catalog}`);
  if (catalog.pool.uuid !== pool.uuid)
    return unfit(`its catalog is of pool ${catalog.pool.uuid}; bring the right devices together`);
  const view = (await pool.isActive()) ? await viewOfActive(pool) : await viewOfInactive(pool);
  if (typeof view === "string") return unfit(view);
  const { excess, lost } = checkFence(catalog, view);
  if (excess.length > 0) return { kind: "unfit", problems: excess };
  return { kind: "fit", ...countsOf(catalog), lost: [...lost] };
}

const unfit = (problem: string): Adoption => ({ kind: "unfit", problems: [problem] });

async function viewOfInactive({ runner, nodes }: IdlePool): Promise<PoolView | string> {
  const { path } = nodes.meta;
  const superblock = await readThinSuperblock(path);
  if (superblock === undefined) return "its thin metadata has no superblock; run dmthin pool repair";
  // Before the check, as at an opening: a quick one fails on the flag.
  if (superblock.needsCheck)
    return "its thin metadata needs a full check (needs_check is set); run dmthin pool repair";
  const check = await checkMetadata(runner, path, { skipMappings: true });
  if (check.kind === "damaged")
    return `thin_check finds its metadata damaged: ${check.report.split("\n").join("; ")}; run dmthin pool repair`;
  return offline(superblock.transactionId, await listThins(runner, path, { live: false }));
}

async function viewOfActive({ runner, dmsetup, poolDevice, nodes }: IdlePool): Promise<PoolView | string> {
  const status = await dmsetup.poolStatus(poolDevice, { flush: false });
  const trouble = troubleOf(status);
  if (trouble !== undefined || status.kind !== "active") return trouble ?? "the kernel reports it as failed";
  const thins = await withMetadataSnapshot(dmsetup, poolDevice, () =>
    listThins(runner, nodes.meta.path, { live: true }),
  );
  return offline(status.transactionId, thins);
}

/** What was acknowledged, and what will be deleted only when it is asked for again is not there any more. */
function countsOf({ volumes, snapshots }: CatalogContent): {
  readonly volumes: number;
  readonly snapshots: number;
} {
  const ready = (records: readonly { readonly state: ObjectState }[]): number =>
    records.filter(({ state }) => state === "ready").length;
  return { volumes: ready(volumes), snapshots: ready(snapshots) };
}
