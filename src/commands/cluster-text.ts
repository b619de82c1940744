/** Answers of nodes, joined with what Kubernetes knows, as tables and as JSON. Pure. */
import { formatJson } from "../core/json.ts";
import { formatBytes } from "../core/units.ts";
import type { ReadReport, ReadSnapshot, ReadVolume } from "../monitor/report-json.ts";
import type { NodeAnswer } from "./cluster-ask.ts";
import { keyOf, type NamespacedName, type Owner } from "./cluster-objects.ts";
import type { ReadOrphanList } from "./orphans-text.ts";
import type { Paint } from "./paint.ts";
import { contentText, ownColumn, snapshotsOf, stateCell, volumesOf, type Placed } from "./show-objects.ts";
import { POOL_HEADINGS, poolCells, showStatus } from "./show-pool.ts";
import { cell, formatTable, type Cell } from "./table.ts";

/** What Kubernetes knows; undefined where it did not say. */
export interface Known {
  readonly owners?: ReadonlyMap<string, Owner>;
  readonly users?: ReadonlyMap<string, readonly string[]>;
  readonly snapshots?: ReadonlyMap<string, NamespacedName>;
}

type Reports = readonly NodeAnswer<ReadReport>[];
type Shown = { readonly json: boolean; readonly paint: Paint };

const NONE = cell("-", "faint");
const UNKNOWN = cell("?", "faint");

/** Those that answered. */
export const valuesOf = <Value>(
  answers: readonly NodeAnswer<Value>[],
): readonly { readonly node: string; readonly value: Value; readonly exitCode: number }[] =>
  answers.flatMap((each) => ("value" in each ? [each] : []));

/** For programs: what is missing is said beside what there is. */
const away = (answers: readonly NodeAnswer<unknown>[]) =>
  answers.flatMap((each) => ("problem" in each ? [{ node: each.node, problem: each.problem }] : []));

export function clusterStatus(reports: Reports, { json, paint }: Shown): string {
  const nodes = valuesOf(reports).map(({ value }) => value);
  if (json) return formatJson({ nodes, away: away(reports) });
  return nodes.map((report) => showStatus(report, paint)).join("\n");
}

export function clusterPools(reports: Reports, { json, paint }: Shown): string {
  const pools = valuesOf(reports).flatMap(({ node, value }) => value.pools.map((pool) => ({ node, pool })));
  if (json)
    return formatJson({ pools: pools.map(({ node, pool }) => ({ node, ...pool })), away: away(reports) });
  const rows = pools.map(({ node, pool }) => [cell(node)].concat(poolCells(pool)));
  return formatTable(["NODE", ...POOL_HEADINGS], rows, paint);
}

interface OwnedVolume extends Placed<ReadVolume> {
  readonly node: string;
  readonly persistentVolume?: string;
  readonly claim?: NamespacedName;
  readonly pods?: readonly string[];
}

function owned({ owners, users }: Known, node: string, volume: Placed<ReadVolume>): OwnedVolume {
  const { persistentVolume, claim } = owners?.get(volume.id) ?? {};
  const pods = claim === undefined ? undefined : users?.get(keyOf(claim));
  return {
    node,
    ...volume,
    ...(persistentVolume === undefined ? {} : { persistentVolume }),
    ...(claim === undefined ? {} : { claim }),
    ...(pods === undefined ? {} : { pods }),
  };
}

export function clusterVolumes(reports: Reports, known: Known, { json, paint }: Shown): string {
  const volumes = valuesOf(reports).flatMap(({ node, value }) =>
    volumesOf(value).map((volume) => owned(known, node, volume)),
  );
  if (json) return formatJson({ volumes, away: away(reports) });
  const own = ownColumn(volumes);
  const rowOf = (volume: OwnedVolume): readonly Cell[] => [
    known.owners === undefined ? UNKNOWN : nameCell(volume.claim),
    podsCell(known, volume),
    cell(volume.node),
    cell(volume.pool),
    stateCell(volume),
    cell(formatBytes(volume.size)),
    volume.mapped === undefined ? NONE : cell(formatBytes(volume.mapped)),
    ...own.of(volume),
    cell(contentText(volume)),
    cell(volume.name),
  ];
  const headings = [
    "CLAIM",
    "PODS",
    "NODE",
    "POOL",
    "STATE",
    "SIZE",
    "MAPPED",
    ...own.title,
    "CONTENT",
    "NAME",
  ];
  return formatTable(headings, volumes.map(rowOf), paint);
}

const nameCell = (name: NamespacedName | undefined): Cell => (name === undefined ? NONE : cell(keyOf(name)));

function podsCell({ users }: Known, { pods = [] }: OwnedVolume): Cell {
  if (users === undefined) return UNKNOWN;
  return pods.length === 0 ? NONE : cell(pods.join(","));
}

interface OwnedSnapshot extends Placed<ReadSnapshot> {
  readonly node: string;
  readonly volumeSnapshot?: NamespacedName;
  readonly sourceClaim?: NamespacedName;
}

function ownedSnapshot(
  { owners, snapshots }: Known,
  node: string,
  snapshot: Placed<ReadSnapshot>,
): OwnedSnapshot {
  const volumeSnapshot = snapshots?.get(snapshot.id);
  const sourceClaim = owners?.get(snapshot.sourceVolumeId)?.claim;
  return {
    node,
    ...snapshot,
    ...(volumeSnapshot === undefined ? {} : { volumeSnapshot }),
    ...(sourceClaim === undefined ? {} : { sourceClaim }),
  };
}

export function clusterSnapshots(reports: Reports, known: Known, { json, paint }: Shown): string {
  const snapshots = valuesOf(reports).flatMap(({ node, value }) =>
    snapshotsOf(value).map((snapshot) => ownedSnapshot(known, node, snapshot)),
  );
  if (json) return formatJson({ snapshots, away: away(reports) });
  const own = ownColumn(snapshots);
  const rowOf = (snapshot: OwnedSnapshot): readonly Cell[] => [
    known.snapshots === undefined ? UNKNOWN : nameCell(snapshot.volumeSnapshot),
    known.owners === undefined ? UNKNOWN : nameCell(snapshot.sourceClaim),
    cell(snapshot.node),
    cell(snapshot.pool),
    stateCell(snapshot),
    cell(formatBytes(snapshot.size)),
    cell(formatBytes(snapshot.mapped)),
    ...own.of(snapshot),
    cell(snapshot.createdAt),
    cell(snapshot.name),
  ];
  const headings = [
    "SNAPSHOT",
    "OF CLAIM",
    "NODE",
    "POOL",
    "STATE",
    "SIZE",
    "MAPPED",
    ...own.title,
    "CREATED",
    "NAME",
  ];
  return formatTable(headings, snapshots.map(rowOf), paint);
}

export function clusterOrphans(lists: readonly NodeAnswer<ReadOrphanList>[], { json, paint }: Shown): string {
  const all = valuesOf(lists);
  const orphans = all.flatMap(({ node, value }) => value.orphans.map((orphan) => ({ node, ...orphan })));
  const unjudged = all.flatMap(({ node, value }) => value.unjudged.map((each) => ({ node, ...each })));
  if (json) return formatJson({ orphans, unjudged, away: away(lists) });
  if (orphans.length === 0) return "no node has anything that is known to belong to no record\n";
  const rows = orphans.map(({ node, kind, name, usedBy, guide, why }) => [
    cell(node),
    cell(kind),
    cell(name),
    usedBy.length === 0 ? NONE : cell(usedBy.join(",")),
    cell(guide),
    cell(why),
  ]);
  return formatTable(["NODE", "KIND", "NAME", "USED BY", "GUIDE", "WHY"], rows, paint);
}
