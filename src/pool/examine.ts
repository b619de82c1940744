/** Before anything is written to a pool that exists: do its catalog and what the kernel shows belong together? */
import type { DmDevice, PoolStatus, ThinListing } from "../core/dm.ts";
import type { PoolUuid } from "../core/ids.ts";
import { parseThinUuid } from "../core/ids.ts";
import type { CatalogContent } from "../core/records.ts";
import { bytesFromBlocks, formatBytes } from "../core/units.ts";
import { holders } from "../host/block-device.ts";
import { readAttribute } from "../host/dm-sysfs.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import { listThins, withMetadataSnapshot } from "../host/thin-tools.ts";
import type { FenceVerdict } from "../plan/fence.ts";
import { checkFence } from "../plan/fence.ts";
import type { DeviceStack } from "./device-stack.ts";
import type { PoolCondition } from "./engine.ts";

export interface Examination {
  readonly condition: PoolCondition;
  readonly verdict: FenceVerdict;
  /** Of this pool's thins. */
  readonly devices: readonly DmDevice[];
  /** Empty where they could not, or must not, be listed. */
  readonly thins: readonly ThinListing[];
}

/**
 * Thins are listed by a metadata snapshot, which is a message: where the transaction id and the devices do not fit, the
 * pool does not get even that one.
 */
export async function examine(
  stack: DeviceStack,
  dmsetup: Dmsetup,
  content: CatalogContent,
  status: Extract<PoolStatus, { kind: "active" }>,
): Promise<Examination> {
  const { transactionId } = status;
  const devices = (await dmsetup.list()).filter((device) => parseThinUuid(device.uuid)?.pool === stack.uuid);
  const view = { transactionId, devices, strangers: strangersOn(stack) };
  const first = checkFence(content, view);
  if (first.excess.length > 0) return { condition: conditionOf(first), verdict: first, devices, thins: [] };
  const thins = await enumerate(stack, dmsetup);
  const verdict = checkFence(content, { ...view, thins });
  return { condition: conditionOf(verdict), verdict, devices, thins };
}

/** For a pool whose catalog is gone: what there is, so that a person can decide. Nobody's thins are touched by nobody. */
export async function describeUnclaimed(stack: DeviceStack, dmsetup: Dmsetup): Promise<string> {
  const thins = await enumerate(stack, dmsetup);
  const listed = thins.map(
    ({ thinId, mapped }) => `${thinId} (${formatBytes(bytesFromBlocks(mapped, stack.blockSize))} mapped)`,
  );
  return listed.length === 0
    ? "the pool holds no thins"
    : `the pool holds ${listed.length} thins, unclaimed and untouched: ${listed.join(", ")}`;
}

function conditionOf({ excess, unrecorded }: FenceVerdict): PoolCondition {
  if (excess.length === 0) return { kind: "ready" };
  const shown = excess.slice(0, 5).join("; ");
  const more = excess.length > 5 ? `; and ${excess.length - 5} more` : "";
  return {
    kind: "read-only",
    reason: `foreign hands, or an old copy of the catalog: ${shown}${more}; nothing was changed: bring the right disk or catalog back, or see the guide on read-only pools`,
    unrecorded,
  };
}

async function enumerate(stack: DeviceStack, dmsetup: Dmsetup): Promise<readonly ThinListing[]> {
  return withMetadataSnapshot(dmsetup, stack.poolDevice, () =>
    listThins(stack.runner, stack.metadataPath, { live: true }),
  );
}

function strangersOn({
  poolNumber,
  uuid,
}: {
  readonly poolNumber: DeviceStack["poolNumber"];
  readonly uuid: PoolUuid;
}) {
  return holders(poolNumber).flatMap((each): string[] => {
    const dm = `/sys/class/block/${each}/dm`;
    const owner = parseThinUuid(readAttribute(`${dm}/uuid`) ?? "")?.pool;
    return owner === uuid ? [] : [readAttribute(`${dm}/name`) ?? each];
  });
}
