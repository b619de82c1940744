/**
 * What opening a pool would do to its devices, as a value: by the same look, the same decision and the same layout as
 * opening itself, and nothing is changed.
 */
import { PoolSetupError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import type { BackingKind, PoolOptions } from "../core/pool-options.ts";
import { blocksForBytes, bytes, bytesFromBlocks, dataBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import type { Partition } from "../host/sfdisk.ts";
import { headroom } from "../plan/capacity.ts";
import { decideBacking } from "./backing.ts";
import type { Backing, Outlook } from "./backing.ts";
import { backingOf } from "./device-stack.ts";
import type { DiskVerdict } from "./devices/disk-selector.ts";
import { membersOfGrowth, sameExtents, wishOf } from "./growth.ts";
import type { Growth } from "./growth.ts";
import type { Label } from "./label.ts";
import { lengthOf, memberEnd, membersOf, runsOf } from "./layout.ts";
import type { Extent, Extents, Member } from "./layout.ts";

export interface PoolSizes {
  readonly data: Bytes;
  readonly blockSize: Bytes;
  readonly metadata: Bytes;
  readonly spare: Bytes;
  readonly catalog: Bytes;
  /** What an empty pool of these sizes can promise. */
  readonly promisable: Bytes;
}

/** `take`: gets its first label; `extend`: gets longer parts; `mend`: gets its label or its partition table again. */
export type DeviceChange = "take" | "extend" | "mend" | "keep";

export interface DevicePlan {
  readonly member: Member;
  /** As configured. */
  readonly path: string;
  readonly size: Bytes;
  readonly change: DeviceChange;
  /** Where its label area begins. */
  readonly labelFrom: Bytes;
  readonly partitions?: readonly Partition[];
  readonly parts: readonly Extent[];
}

export type PoolPlan =
  | {
      readonly kind: "refuse";
      readonly backing: BackingKind;
      readonly problems: readonly string[];
      /** Where disks are selected: all of the machine. */
      readonly disks?: readonly DiskVerdict[];
    }
  | {
      /** `finish`: a creation that was cut off is gone on with. */
      readonly kind: "create" | "finish" | "grow" | "mend" | "none";
      readonly backing: BackingKind;
      /** Of a pool that is there. */
      readonly uuid?: PoolUuid;
      readonly before?: PoolSizes;
      readonly sizes: PoolSizes;
      readonly devices: readonly DevicePlan[];
      readonly notes: readonly string[];
      /** What is asked for and not done. */
      readonly refusals: readonly string[];
      readonly disks?: readonly DiskVerdict[];
    };

/** `others`: all pools of the configuration. Rejects where the devices cannot be looked at for another reason than their own. */
export async function planPool(
  options: PoolOptions,
  runner: Runner,
  others: readonly PoolOptions[] = [],
): Promise<PoolPlan> {
  const backing = backingOf(options, others);
  const refuse = (problems: readonly string[]): PoolPlan => ({
    kind: "refuse",
    backing: backing.kind,
    problems,
    ...lookedAt(backing),
  });
  try {
    const outlook = await decideBacking(options, backing, runner);
    return outlook.kind === "refuse" ? refuse(outlook.problems) : await planOf(options, backing, outlook);
  } catch (error) {
    if (!(error instanceof PoolSetupError)) throw error;
    return refuse([error.message.replace(`pool ${options.name}: `, "")]);
  }
}

function lookedAt(backing: Backing): Pick<PoolPlan, "disks"> {
  const disks = backing.verdicts?.();
  return disks === undefined ? {} : { disks };
}

async function planOf(
  options: PoolOptions,
  backing: Backing,
  outlook: Extract<Outlook, { kind: "go" }>,
): Promise<PoolPlan> {
  const { decision, label } = outlook;
  const growth: Growth =
    decision.kind === "open"
      ? await backing.growth(label, wishOf(options))
      : { extents: label.extents, refusals: [] };
  const next = { ...label, extents: growth.extents };
  const devices = membersOf(next.extents).map((member) =>
    devicePlan(backing, outlook, { now: label, next, member }),
  );
  const before = sizesOf(options, label);
  const grows = !sameExtents(label.extents, next.extents);
  return {
    kind: kindOf(decision.kind, grows, devices),
    backing: backing.kind,
    ...(decision.kind === "create" ? {} : { uuid: label.pool }),
    ...(grows ? { before } : {}),
    sizes: sizesOf(options, next),
    devices,
    notes: [...outlook.notes, ...(growth.notes ?? [])],
    refusals: growth.refusals,
    ...lookedAt(backing),
  };
}

function kindOf(
  decision: "create" | "resume" | "open",
  grows: boolean,
  devices: readonly DevicePlan[],
): Exclude<PoolPlan["kind"], "refuse"> {
  if (decision === "create") return "create";
  if (decision === "resume") return "finish";
  if (grows) return "grow";
  return devices.some(({ change }) => change === "mend") ? "mend" : "none";
}

interface Change {
  readonly now: Label;
  readonly next: Label;
  readonly member: Member;
}

function devicePlan(
  backing: Backing,
  { observations, decision }: Extract<Outlook, { kind: "go" }>,
  { now, next, member }: Change,
): DevicePlan {
  const seen = observations.find(({ role }) => role === member);
  const disk = backing.diskOf?.(member, next);
  const isTaken =
    seen?.finding.kind === "label" && (decision.kind === "open" || seen.finding.label.pool === now.pool);
  const isBehind = decision.kind === "open" && decision.behind.includes(member);
  const change = ((): DeviceChange => {
    if (!isTaken) return "take";
    if (membersOfGrowth(now.extents, next.extents).includes(member)) return "extend";
    return isBehind || disk?.isPartitioned === false ? "mend" : "keep";
  })();
  const size = disk?.size ?? seen?.size ?? bytes(0);
  return {
    member,
    path: disk?.title ?? seen?.path ?? member,
    // A file that is not there yet gets its size with its label.
    size: size === 0n ? memberEnd(next.extents, member) : size,
    change,
    labelFrom: bytes(backing.labelsFrom ?? 0n),
    ...(disk === undefined ? {} : { partitions: disk.partitions }),
    parts: runsOf(next.extents).filter((run) => run.member === member),
  };
}

function sizesOf(
  { overprovision }: PoolOptions,
  { extents, blockSize }: { readonly extents: Extents; readonly blockSize: Bytes },
): PoolSizes {
  const [data, metadata] = [lengthOf(extents, "data"), lengthOf(extents, "meta")];
  const totalData = blocksForBytes(data, blockSize);
  const none = dataBlocks(0);
  return {
    data,
    blockSize,
    metadata,
    spare: lengthOf(extents, "spare"),
    catalog: lengthOf(extents, "catalog"),
    promisable: bytesFromBlocks(
      headroom({ blockSize, totalData, usedData: none, metadata, overprovision }, { blocks: none, thins: 0 }),
      blockSize,
    ),
  };
}
