/** Looks for orphans now and then, in the controller that leads: a metric, and Events for what was there twice. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { ClusterOrphan, ClusterOrphanList } from "../core/cluster-orphans.ts";
import type { Log } from "../log.ts";
import type { EventRecorder, EventTarget } from "./events.ts";

export interface OrphanWatchOptions {
  readonly look: () => Promise<ClusterOrphanList>;
  readonly recorder: Pick<EventRecorder, "record">;
  /** Told of each list that came; a failure is logged. */
  readonly found: (list: ClusterOrphanList) => void | Promise<void>;
  readonly everyMs: number;
  readonly log: Log;
}

/** Nodes come back one after another when a controller starts. */
const FIRST_MS = 120_000;

/** Until the returned function is called. */
export function watchForOrphans(options: OrphanWatchOptions): () => void {
  const end = new AbortController();
  void run(options, end.signal);
  return () => end.abort();
}

async function run(options: OrphanWatchOptions, signal: AbortSignal): Promise<void> {
  const { look, found, everyMs, log } = options;
  let before: ReadonlySet<string> = new Set();
  await pause(Math.min(FIRST_MS, everyMs), signal);
  while (!signal.aborted) {
    try {
      const list = await look();
      if (signal.aborted) return;
      await found(list);
      const { orphans, unjudged } = list;
      log[orphans.length > 0 ? "warn" : "info"](
        { orphans: orphans.length, unjudged: unjudged.length },
        "looked for orphans",
      );
      await tell(
        options,
        orphans.filter((each) => before.has(keyOf(each))),
      );
      before = new Set(orphans.map(keyOf));
    } catch (error) {
      log.warn({ problem: messageOf(error) }, "orphans cannot be looked for");
    }
    await pause(everyMs * (0.9 + Math.random() * 0.2), signal);
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);

const keyOf = ({ kind, name }: ClusterOrphan): string => `${kind} ${name}`;
const NAMED = 3;

/** One for each pool that holds some, and one for each object of the cluster that lost its own. */
async function tell({ recorder }: OrphanWatchOptions, orphans: readonly ClusterOrphan[]): Promise<void> {
  const held = Map.groupBy(
    orphans.filter(({ kind }) => kind === "volume" || kind === "snapshot"),
    ({ kind, node, pool }) => `${kind}/${node}/${pool}`,
  );
  for (const [first, ...others] of held.values()) {
    if (first === undefined) continue;
    const { kind, node, pool } = first;
    const names = [first, ...others].slice(0, NAMED).map(({ name }) => name);
    const target: EventTarget = { apiVersion: "v1", kind: "Node", name: node, uid: node };
    const note = `pool ${pool} holds ${others.length + 1} ${kind}s that nothing in the cluster has: ${names.join(", ")}${others.length >= NAMED ? " …" : ""}`;
    const reason = kind === "volume" ? "OrphanedVolumes" : "OrphanedSnapshots";
    await recorder.record(target, { type: "Warning", reason, note, action: "Comparing" }, pool);
  }
  for (const { kind, name, why, uid = "" } of orphans) {
    if (kind === "volume" || kind === "snapshot") continue;
    const target: EventTarget =
      kind === "persistentvolume"
        ? { apiVersion: "v1", kind: "PersistentVolume", name, uid }
        : { apiVersion: "snapshot.storage.k8s.io/v1", kind: "VolumeSnapshotContent", name, uid };
    const reason = kind === "persistentvolume" ? "VolumeMissing" : "SnapshotMissing";
    await recorder.record(target, { type: "Warning", reason, note: why, action: "Comparing" });
  }
}
