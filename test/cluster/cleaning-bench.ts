/** What tests of cleaning share: orphans on nodes, looks of a controller that leads, and an API server that somebody meddles with. */
import { randomUUID } from "node:crypto";
import type { CoreV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, vi } from "vitest";
import type { CleaningAnswer } from "../../src/core/cluster-orphans.ts";
import { objectKey, snapshotId, volumeId, type SnapshotId, type VolumeId } from "../../src/core/ids.ts";
import type { Api } from "../../src/kube/api.ts";
import { lookForOrphans } from "../../src/kube/cluster-look.ts";
import { orphanCleaner, type OrphanCleaner } from "../../src/kube/orphan-cleaning.ts";
import { noteOrphans, orphanNotes } from "../../src/kube/orphan-notes.ts";
import type { SimulatedNode } from "../support/fleet-bench.ts";
import { recordingLog } from "../support/recording-log.ts";
import { snapshotRecord, volumeRecord } from "../support/records.ts";
import { NAMESPACE } from "./objects.ts";
import { startOrphanBench, type OrphanBench } from "./orphan-bench.ts";

const OLD = "2026-01-01T00:00:00.000Z";
export const GRACE = 60_000;
export const EVERY = 1_800_000;
export const PLACE = { namespace: NAMESPACE, name: "dmthin-orphans" };
export const NEVER = new AbortController().signal;

let started: OrphanBench | undefined;
let count = 0;
export const { log, lines } = recordingLog();
export const cleaned = vi.fn<(kind: string, outcome: string) => void>();

/** One bench for all tests of a file. */
export function useCleaningBench(): void {
  beforeAll(async () => {
    started = await startOrphanBench();
  });
  afterAll(() => started?.stop());
  beforeEach(() => cleaned.mockClear());
}

export function bench(): OrphanBench {
  if (started === undefined) throw new RangeError("before it was started");
  return started;
}
export function at(index: number): SimulatedNode {
  const node = bench().nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node;
}
const key = () => objectKey((count += 1).toString(16).padStart(20, "0"));
/** On a node, and of no claim that there is unless given. */
export function put(node = 0, changes: object = {}): VolumeId {
  const id = volumeId(at(node).pool.uuid, key());
  const name = `pvc-${randomUUID()}`;
  const made = { id, name, createdAt: OLD, clusterUid: bench().clusterUid, ...changes };
  at(node).pool.putVolume(volumeRecord(count, made));
  return id;
}
export function cut(volume: VolumeId, changes: object = {}): SnapshotId {
  const id = snapshotId(at(0).pool.uuid, key());
  const name = `snapshot-${randomUUID()}`;
  const { clusterUid } = bench();
  const made = { id, name, createdAt: OLD, clusterUid, sourceVolumeId: volume, ...changes };
  at(0).pool.putSnapshot(snapshotRecord(count, made));
  return id;
}
export const isThere = (id: VolumeId): boolean =>
  bench().nodes.some(({ pool }) => pool.volume(id) !== undefined);
export const looking = () => ({
  nodes: () => bench().router.fleet.nodes,
  clusterUid: bench().clusterUid,
  namespace: NAMESPACE,
  graceMs: GRACE,
});
/** As the controller that leads does it, so long ago. */
export async function look(agoMs: number): Promise<void> {
  const list = await lookForOrphans(bench().api, looking());
  await noteOrphans(orphanNotes(bench().api, PLACE), list, { now: Date.now() - agoMs, everyMs: EVERY });
}
/** Its grace period is over, and a look has seen it since. */
export async function lookTwice(): Promise<void> {
  await look(GRACE + 1000);
  await look(0);
}
export const cleaner = (through?: Pick<Api, "core" | "custom">, more: object = {}): OrphanCleaner =>
  orphanCleaner(through ?? bench().api, {
    ...looking(),
    everyMs: EVERY,
    notes: orphanNotes(bench().api, PLACE),
    cleaned,
    log,
    ...more,
  });
export const clean = (ids: readonly string[], apply = true, through?: Pick<Api, "core" | "custom">) =>
  cleaner(through)({ ids, apply }, NEVER);
export const outcomes = ({ items }: CleaningAnswer): readonly string[] =>
  items.map(({ outcome, why }) => [outcome, ...(why === undefined ? [] : [why])].join(": "));

/** An API server to which something happens before the PersistentVolumes are listed for the n-th time. */
export function meddled(happens: (nth: number) => Promise<void>): Pick<Api, "core" | "custom"> {
  let nth = 0;
  const { api } = bench();
  const lists = api.core.listPersistentVolume.bind(api.core);
  const changed = Object.assign(Object.create(api.core) as CoreV1Api, {
    listPersistentVolume: async (...options: Parameters<CoreV1Api["listPersistentVolume"]>) => {
      await happens((nth += 1));
      return lists(...options);
    },
  });
  return { ...api, core: changed };
}
