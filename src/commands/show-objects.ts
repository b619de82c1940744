/** Volumes and snapshots, as text for people. Pure. */
import { formatBytes } from "../core/units.ts";
import type { ReadReport, ReadSnapshot, ReadVolume } from "../monitor/report-json.ts";
import type { Paint } from "./paint.ts";
import type { Cell } from "./table.ts";
import { cell, formatFacts, formatTable } from "./table.ts";

export type Placed<T> = T & { readonly pool: string };

const openPools = ({ pools }: ReadReport) => pools.filter((pool) => pool.kind === "open");

export const volumesOf = (report: ReadReport): readonly Placed<ReadVolume>[] =>
  openPools(report).flatMap(({ name: pool, figures }) =>
    figures.volumes.map((volume) => Object.assign({ pool }, volume)),
  );

export const snapshotsOf = (report: ReadReport): readonly Placed<ReadSnapshot>[] =>
  openPools(report).flatMap(({ name: pool, figures }) =>
    figures.snapshots.map((snapshot) => Object.assign({ pool }, snapshot)),
  );

/** By id, or by the name that Kubernetes gave it. */
export const findObject = <T extends { readonly id: string; readonly name: string }>(
  objects: readonly T[],
  wanted: string,
): T | undefined => objects.find(({ id, name }) => id === wanted || name === wanted);

const NONE = cell("-", "faint");

function stateOf({ state, lost }: Pick<ReadVolume, "state" | "lost">): Cell {
  if (lost) return cell("lost", "bad");
  return state === "ready" ? cell(state, "good") : cell(state);
}

const formatOf = ({ access, format, fsType }: ReadVolume): string =>
  access.includes("mount") ? `${fsType ?? "?"} (${format})` : "block";

export function showVolumes(volumes: readonly Placed<ReadVolume>[], paint: Paint): string {
  const rows = volumes.map((volume) => [
    cell(volume.pool),
    cell(volume.name),
    stateOf(volume),
    cell(formatBytes(volume.size)),
    volume.mapped === undefined ? NONE : cell(formatBytes(volume.mapped)),
    cell(formatOf(volume)),
    cell(volume.stagingPath === undefined ? "no" : "yes"),
    cell(volume.id),
  ]);
  return formatTable(["POOL", "NAME", "STATE", "SIZE", "MAPPED", "CONTENT", "STAGED", "ID"], rows, paint);
}

export function showSnapshots(snapshots: readonly Placed<ReadSnapshot>[], paint: Paint): string {
  const rows = snapshots.map((snapshot) => [
    cell(snapshot.pool),
    cell(snapshot.name),
    stateOf(snapshot),
    cell(formatBytes(snapshot.size)),
    cell(formatBytes(snapshot.mapped)),
    cell(snapshot.createdAt),
    cell(snapshot.sourceVolumeId),
    cell(snapshot.id),
  ]);
  return formatTable(["POOL", "NAME", "STATE", "SIZE", "MAPPED", "CREATED", "SOURCE", "ID"], rows, paint);
}

export function showVolume(volume: Placed<ReadVolume>, paint: Paint): string {
  const { source, mapped, stagingPath } = volume;
  return formatFacts(
    [
      ["Volume", cell(volume.id)],
      ["Name", cell(volume.name)],
      ["Pool", cell(volume.pool)],
      ["State", stateOf(volume)],
      ["Size", cell(`${formatBytes(volume.size)} (${volume.size} bytes)`)],
      ["Mapped", cell(mapped === undefined ? "unknown" : formatBytes(mapped))],
      ["Content", cell(formatOf(volume))],
      ["Made from", cell(source.kind === "empty" ? "nothing" : `${source.kind} ${source.id}`)],
      ["Staged at", stagingPath === undefined ? NONE : cell(stagingPath)],
      ["Device while active", cell(volume.device)],
      ["Thin id", cell(String(volume.thinId))],
      ["Created", cell(volume.createdAt)],
    ],
    paint,
  );
}

export function showSnapshot(snapshot: Placed<ReadSnapshot>, paint: Paint): string {
  const { groupId, size, mapped, fsType } = snapshot;
  return formatFacts(
    [
      ["Snapshot", cell(snapshot.id)],
      ["Name", cell(snapshot.name)],
      ["Pool", cell(snapshot.pool)],
      ["State", stateOf(snapshot)],
      ["Size", cell(`${formatBytes(size)} (${size} bytes)`)],
      ["Mapped at the cut", cell(formatBytes(mapped))],
      ["Content", cell(fsType ?? "block or not formatted")],
      ["Source", cell(snapshot.sourceVolumeId)],
      ["Group", groupId === undefined ? NONE : cell(groupId)],
      ["Thin id", cell(String(snapshot.thinId))],
      ["Created", cell(snapshot.createdAt)],
    ],
    paint,
  );
}
