/** What the driver lists after a crash, against what must and may be there. */
import type { CsiClient } from "../../support/csi-client.ts";
import type { Findings } from "./findings.ts";
import type { Model, SnapshotModel, VolumeModel } from "./model.ts";
import { isLive, membersOf } from "./repeat.ts";

export interface Listing {
  /** Sizes in bytes by id. */
  readonly volumes: ReadonlyMap<string, bigint>;
  readonly snapshots: ReadonlyMap<
    string,
    { readonly size: bigint; readonly source: string; readonly ready: boolean }
  >;
}

export async function list({ controller }: CsiClient): Promise<Listing> {
  const volumes = (await controller.listVolumes({})).entries.map(
    ({ volume }) => [volume?.volume_id ?? "", BigInt(volume?.capacity_bytes ?? 0)] as const,
  );
  const snapshots = (await controller.listSnapshots({})).entries.map(({ snapshot }) => {
    const {
      snapshot_id = "",
      size_bytes = "0",
      source_volume_id: source = "",
      ready_to_use,
    } = snapshot ?? {};
    return [snapshot_id, { size: BigInt(size_bytes), source, ready: ready_to_use ?? false }] as const;
  });
  return { volumes: new Map(volumes), snapshots: new Map(snapshots) };
}

/** Right after the crash: what was acknowledged is there, what was deleted is gone, what was under way may be either. */
export function compareAtOnce(findings: Findings, model: Model, listing: Listing): void {
  for (const kind of ["volumes", "snapshots"] as const) {
    const objects: readonly (VolumeModel | SnapshotModel)[] = [...model[kind].values()];
    const listed = listing[kind];
    for (const object of objects) {
      const { id = "", name, deleted } = object;
      if (isLive(object)) findings.expect(4, listed.has(id), `${name} (${id}) was acknowledged and is lost`);
      if (deleted === "done") findings.expect(4, !listed.has(id), `${name} (${id}) was deleted and is back`);
    }
    const known = new Set(objects.map(({ id }) => id));
    const strange = [...listed.keys()].filter((id) => !known.has(id));
    const unanswered = objects.filter(({ id }) => id === undefined).length;
    findings.expect(
      4,
      strange.length <= unanswered,
      `${strange.length} ${kind} that nobody knows, ${unanswered} were under way: ${strange.join(", ")}`,
    );
  }
  for (const { id = "", name, size, growing } of [...model.volumes.values()].filter(isLive)) {
    const found = listing.volumes.get(id);
    const evidence = `${name} has ${found} bytes, acknowledged were ${size}, asked for ${growing.join(", ")}`;
    findings.expect(4, found === undefined || found === size || growing.includes(found), evidence);
  }
}

/** When every unanswered call was repeated: exactly what the model says. */
export async function compareInFull(findings: Findings, model: Model, csi: CsiClient): Promise<Listing> {
  const listing = await list(csi);
  const volumes = [...model.volumes.values()].filter(isLive);
  const snapshots = [...model.snapshots.values()].filter(isLive);
  for (const { id = "", name, size } of volumes) {
    const found = listing.volumes.get(id);
    findings.expect(4, found === size, `volume ${name} (${id}) has ${found} bytes, expected ${size}`);
  }
  for (const { id = "", name, size, source } of snapshots) {
    const found = listing.snapshots.get(id);
    const expected = `${size} of ${model.volumes.get(source)?.id}, ready`;
    const actual = found && `${found.size} of ${found.source}${found.ready ? ", ready" : ""}`;
    findings.expect(4, actual === expected, `snapshot ${name} (${id}) is ${actual}, expected ${expected}`);
  }
  for (const group of [...model.groups.values()].filter(isLive)) {
    const snapshot_ids = membersOf(model, group.name).flatMap(({ id }) => id ?? []);
    await findings.attempt(4, `group snapshot ${group.name} (${group.id})`, () =>
      csi.groupController.getVolumeGroupSnapshot({ group_snapshot_id: group.id ?? "", snapshot_ids }),
    );
  }
  const counts = `${listing.volumes.size} volumes, ${listing.snapshots.size} snapshots`;
  const expected = `${volumes.length} volumes, ${snapshots.length} snapshots`;
  findings.expect(4, counts === expected, `listed are ${counts}, expected ${expected}`);
  return listing;
}
