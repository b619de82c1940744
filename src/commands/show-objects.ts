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

export function stateCell({ state, lost }: Pick<ReadVolume, "state" | "lost">): Cell {
  if (lost) return cell("lost", "bad");
  return state === "ready" ? cell(state, "good") : cell(state);
}

export const contentText = ({ access, format, fsType }: ReadVolume): string =>
  access.includes("mount") ? `${fsType ?? "?"} (${format})` : "block";

const ownOf = ({ measured }: Pick<ReadVolume, "measured">): Cell =>
  measured === undefined ? NONE : cell(formatBytes(measured.exclusive));

/** A column that stands where anything was measured. */
const OWN = "ITS OWN";
export const ownColumn = <T extends Pick<ReadVolume, "measured">>(objects: readonly T[]) => {
  const shown = objects.some(({ measured }) => measured !== undefined);
  return { title: shown ? [OWN] : [], of: (each: T): readonly Cell[] => (shown ? [ownOf(each)] : []) };
};

function ownFact({ measured }: Pick<ReadVolume, "measured">): Cell {
  if (measured === undefined) return cell("not measured; use --measure", "faint");
  const { mapped, exclusive, at } = measured;
  return cell(`${formatBytes(exclusive)} of ${formatBytes(mapped)} mapped, as of ${at}`);
}

function trimFact({ trimmed }: ReadVolume): Cell {
  if (trimmed === undefined) return cell("not since its pool was opened", "faint");
  return cell(`${trimmed.at}, ${formatBytes(trimmed.bytes)} by its own account`);
}

export function showVolumes(volumes: readonly Placed<ReadVolume>[], paint: Paint): string {
  const own = ownColumn(volumes);
  const rows = volumes.map((volume) => [
    cell(volume.pool),
    cell(volume.name),
    stateCell(volume),
    cell(formatBytes(volume.size)),
    volume.mapped === undefined ? NONE : cell(formatBytes(volume.mapped)),
    ...own.of(volume),
    cell(contentText(volume)),
    cell(volume.stagingPath === undefined ? "no" : "yes"),
    cell(volume.id),
  ]);
  return formatTable(
    ["POOL", "NAME", "STATE", "SIZE", "MAPPED", ...own.title, "CONTENT", "STAGED", "ID"],
    rows,
    paint,
  );
}

export function showSnapshots(snapshots: readonly Placed<ReadSnapshot>[], paint: Paint): string {
  const own = ownColumn(snapshots);
  const rows = snapshots.map((snapshot) => [
    cell(snapshot.pool),
    cell(snapshot.name),
    stateCell(snapshot),
    cell(formatBytes(snapshot.size)),
    cell(formatBytes(snapshot.mapped)),
    ...own.of(snapshot),
    cell(snapshot.createdAt),
    cell(snapshot.sourceVolumeId),
    cell(snapshot.id),
  ]);
  return formatTable(
    ["POOL", "NAME", "STATE", "SIZE", "MAPPED", ...own.title, "CREATED", "SOURCE", "ID"],
    rows,
    paint,
  );
}

export function showVolume(volume: Placed<ReadVolume>, paint: Paint): string {
  const { source, mapped, stagingPath } = volume;
  return formatFacts(
    [
      ["Volume", cell(volume.id)],
      ["Name", cell(volume.name)],
      ["Pool", cell(volume.pool)],
      ["State", stateCell(volume)],
      ["Size", cell(`${formatBytes(volume.size)} (${volume.size} bytes)`)],
      ["Mapped", cell(mapped === undefined ? "unknown" : formatBytes(mapped))],
      ["Its own", ownFact(volume)],
      ["Last trimmed", trimFact(volume)],
      ["Content", cell(contentText(volume))],
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
      ["State", stateCell(snapshot)],
      ["Size", cell(`${formatBytes(size)} (${size} bytes)`)],
      ["Mapped at the cut", cell(formatBytes(mapped))],
      ["Its own", ownFact(snapshot)],
      ["Content", cell(fsType ?? "block or not formatted")],
      ["Source", cell(snapshot.sourceVolumeId)],
      ["Group", groupId === undefined ? NONE : cell(groupId)],
      ["Thin id", cell(String(snapshot.thinId))],
      ["Created", cell(snapshot.createdAt)],
    ],
    paint,
  );
}
