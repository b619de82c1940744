/**
 * What a repair does with thin metadata, and whether its result may take the place of what it was made from. Pure. The
 * rules, in short: nothing is written over the only good copy; needs_check goes after a full check only; what is damaged is
 * set aside, not overwritten; what a repair would lose, a person has to accept by name.
 */
import type { ThinListing } from "../core/dm.ts";
import type { ThinId } from "../core/ids.ts";
import type { CatalogContent, SnapshotRecord, VolumeRecord } from "../core/records.ts";
import { dataBlocks } from "../core/units.ts";
import type { Bytes, DataBlocks } from "../core/units.ts";
import { checkFence, offline } from "./fence.ts";

/** Metadata as a full check found it. */
export interface MetadataFinding {
  readonly superblock: { readonly transactionId: bigint; readonly needsCheck: boolean } | undefined;
  readonly sound: boolean;
  /** Devices and mappings are whole, whatever the space maps are. */
  readonly treesSound: boolean;
}

/** What lies on the spare. */
export type SpareFinding =
  /** Nothing that could be taken for metadata, or the copy of a time long gone. */
  | { readonly kind: "free" }
  /** Sound, and exactly what the catalog lists: what an earlier repair made, or a copy that turned out to be good. */
  | { readonly kind: "fits" }
  /** Sound, of now, and not what the catalog lists: what an earlier repair made, and nobody accepted. */
  | { readonly kind: "misses" }
  /** Of now and damaged: what an earlier repair set aside; the pool was not open since. */
  | { readonly kind: "set-aside" };

/**
 * `copy`: thin_repair of sound trees, exact. `salvage`: each thin that can be read, exact. `older`: thin_repair goes
 * back to the newest state that is whole, for all thins.
 */
export type RebuildMethod = "copy" | "salvage" | "older";

export type RepairPlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "clear-needs-check" }
  | { readonly kind: "use-spare" }
  | { readonly kind: "rebuild"; readonly method: RebuildMethod }
  | { readonly kind: "refuse"; readonly reason: string };

/** What a person allowed. */
export interface Acceptance {
  readonly loss: boolean;
  readonly older: boolean;
  readonly overwriteSpare: boolean;
}

/** `detailsReadable`: the tree of devices of the damaged metadata. */
export function planRepair(
  meta: MetadataFinding,
  spare: SpareFinding,
  detailsReadable: boolean,
  { overwriteSpare }: Pick<Acceptance, "overwriteSpare">,
): RepairPlan {
  if (meta.sound) return { kind: meta.superblock?.needsCheck === true ? "clear-needs-check" : "nothing" };
  if (spare.kind === "fits") return { kind: "use-spare" };
  if (spare.kind === "set-aside" && !overwriteSpare) {
    return {
      kind: "refuse",
      reason:
        "the spare holds the metadata that an earlier repair set aside, and the pool was not open since: it may be the better copy of the two; save it, then repeat with --overwrite-spare",
    };
  }
  if (meta.treesSound) return { kind: "rebuild", method: "copy" };
  return { kind: "rebuild", method: detailsReadable ? "salvage" : "older" };
}

/**
 * `transactionId`: what the pool has now, by the catalog, else by its own superblock; undefined: nobody knows. `thins`:
 * listed where the spare is sound.
 */
export function judgeSpare(
  spare: MetadataFinding,
  transactionId: bigint | undefined,
  content: CatalogContent | undefined,
  thins: readonly ThinListing[] | undefined,
): SpareFinding {
  if (spare.superblock === undefined) return { kind: "free" };
  const has = spare.superblock.transactionId;
  // One less: the last change of the transaction id may not have reached the kernel.
  if (transactionId !== undefined && has < transactionId - 1n) return { kind: "free" };
  if (!spare.sound) return { kind: "set-aside" };
  if (content === undefined || thins === undefined || has !== content.pool.transactionId)
    return { kind: "misses" };
  const { excess, lost } = checkFence(content, offline(has, thins));
  return { kind: excess.length === 0 && lost.size === 0 ? "fits" : "misses" };
}

/** A thin that has less than it must have. */
export interface Loss {
  /** `volume pvc-… (v-…)`, `snapshot …`, or `thin 7` where no catalog tells. */
  readonly what: string;
  readonly had?: DataBlocks;
  /** Absent: the thin is gone. */
  readonly has?: DataBlocks;
}

export interface Assessment {
  readonly losses: readonly Loss[];
  /** What the catalog does not explain: the driver will open the pool read-only. */
  readonly excess: readonly string[];
}

export interface Rebuilt {
  readonly transactionId: bigint;
  readonly thins: readonly ThinListing[];
  /** Of the damaged metadata; undefined where it could not be read. */
  readonly before?: readonly { readonly thinId: ThinId; readonly mapped: DataBlocks }[] | undefined;
  readonly blockSize: Bytes;
}

/** Compares what was rebuilt with what the damaged metadata said and with the catalog (undefined: cannot be read). */
export function assess(rebuilt: Rebuilt, content: CatalogContent | undefined): Assessment {
  const had = expectedBlocks(rebuilt, content);
  const has = new Map(rebuilt.thins.map((thin) => [thin.thinId, thin.mapped]));
  const names = namesOf(content);
  const losses = [...had].flatMap(([thin, before]): Loss[] => {
    const now = has.get(thin);
    if (now !== undefined && now >= before) return [];
    const what = names.get(thin) ?? `thin ${thin}`;
    return [now === undefined ? { what, had: before } : { what, had: before, has: now }];
  });
  const excess =
    content === undefined ? [] : checkFence(content, offline(rebuilt.transactionId, rebuilt.thins)).excess;
  return { losses, excess };
}

/** Each thin that must be there, with the least it must map. */
function expectedBlocks(
  { before, blockSize }: Rebuilt,
  content: CatalogContent | undefined,
): ReadonlyMap<ThinId, DataBlocks> {
  const expected = new Map<ThinId, DataBlocks>();
  for (const { thinId, mapped } of before ?? []) expected.set(thinId, mapped);
  if (content === undefined) return expected;
  const atLeast = (thin: ThinId, blocks: bigint): void => {
    const known = expected.get(thin) ?? 0n;
    expected.set(thin, dataBlocks(blocks > known ? blocks : known));
  };
  for (const volume of content.volumes.filter(isReady)) {
    // No filesystem without a block: one that shows none has lost all.
    if (volume.retiredThinId === undefined)
      atLeast(volume.thinId, volume.format.state === "formatted" ? 1n : 0n);
  }
  for (const snapshot of content.snapshots.filter(isReady))
    atLeast(snapshot.thinId, snapshot.mapped / blockSize);
  return expected;
}

const isReady = ({ state }: VolumeRecord | SnapshotRecord): boolean => state === "ready";

function namesOf(content: CatalogContent | undefined): ReadonlyMap<ThinId, string> {
  return new Map([
    ...(content?.volumes ?? []).map(({ thinId, name, id }) => [thinId, `volume ${name} (${id})`] as const),
    ...(content?.snapshots ?? []).map(
      ({ thinId, name, id }) => [thinId, `snapshot ${name} (${id})`] as const,
    ),
  ]);
}

/** Why the rebuilt metadata may not be used yet; empty: it may. */
export function objections(
  method: RebuildMethod,
  { losses }: Assessment,
  accepted: Pick<Acceptance, "loss" | "older">,
): readonly string[] {
  const reasons: string[] = [];
  if (losses.length > 0 && !accepted.loss)
    reasons.push(`${losses.length} of the thins are gone or have lost blocks: --accept-loss takes that`);
  if (method === "older" && !accepted.older)
    reasons.push(
      "it is an earlier state of the pool: any volume may show what it held before its last writes, or blocks that another volume has written since: --accept-older takes that",
    );
  return reasons;
}
