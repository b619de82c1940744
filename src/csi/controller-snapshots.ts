/** The methods of CSI's Controller service about snapshots. */
import { quote } from "../core/quote.ts";
import type { SnapshotRecord } from "../core/records.ts";
import type {
  ControllerDefinition,
  ListSnapshotsRequest__Output,
  ListSnapshotsResponse,
} from "../generated/csi.ts";
import type { PoolSet } from "../pool/engine.ts";
import {
  locateSnapshot,
  locateVolume,
  requireAllPools,
  requireComplete,
  requireFreeElsewhere,
  requirePool,
  requireSnapshot,
} from "./locate.ts";
import { parseCreateSnapshot, snapshotMessage } from "./messages-snapshot.ts";
import { pageOf } from "./pages.ts";
import type { Handlers } from "./driver.ts";
import { requireCount, requireString } from "./validate.ts";

type SnapshotMethods = "CreateSnapshot" | "DeleteSnapshot" | "GetSnapshot" | "ListSnapshots";

export function snapshotHandlers(
  pools: () => PoolSet,
): Pick<Handlers<ControllerDefinition>, SnapshotMethods> {
  return {
    CreateSnapshot: async (request) => {
      const { name, source } = parseCreateSnapshot(request);
      const open = pools();
      const pool = requirePool(open, source.pool, source.id);
      // No await between this look and the call: the pools share their locks.
      requireFreeElsewhere(
        open,
        pool,
        `snapshot ${quote(name)}`,
        (each) => each.snapshotByName(name) !== undefined,
      );
      const { record } = await pool.createSnapshot({ name, source: source.id });
      return { snapshot: snapshotMessage(record) };
    },
    DeleteSnapshot: async (request) => {
      const located = locateSnapshot(pools(), requireString("snapshot_id", request.snapshot_id));
      await located?.pool.deleteSnapshot(located.id);
      return {};
    },
    GetSnapshot: async (request) => {
      const { record } = requireSnapshot(pools(), requireString("snapshot_id", request.snapshot_id));
      return { snapshot: snapshotMessage(record) };
    },
    ListSnapshots: async (request) => listSnapshots(pools(), request),
  };
}

function listSnapshots(pools: PoolSet, request: ListSnapshotsRequest__Output): ListSnapshotsResponse {
  const maxEntries = requireCount("max_entries", request.max_entries);
  // A snapshot that is not cut yet is never listed, and one that is half deleted is gone.
  const ready = selected(pools, request).filter(({ state }) => state === "ready");
  const page = pageOf(ready, { list: "snapshots", maxEntries, startingToken: request.starting_token });
  return {
    entries: page.entries.map((record) => ({ snapshot: snapshotMessage(record) })),
    next_token: page.nextToken,
  };
}

/** Both filters hold if both are given. An unknown id gives an empty list. */
function selected(pools: PoolSet, request: ListSnapshotsRequest__Output): readonly SnapshotRecord[] {
  const { snapshot_id: id, source_volume_id: source } = request;
  const ofSource = (record: SnapshotRecord): boolean => source === "" || record.sourceVolumeId === source;
  if (id !== "") {
    const located = locateSnapshot(pools, id);
    const record = located && requireComplete(located.pool).snapshot(located.id);
    return record !== undefined && ofSource(record) ? [record] : [];
  }
  if (source === "") return requireAllPools(pools).flatMap((pool) => pool.snapshots());
  // Snapshots are in their source's pool.
  const located = locateVolume(pools, source);
  return located === undefined ? [] : requireComplete(located.pool).snapshots().filter(ofSource);
}
