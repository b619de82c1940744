/** What a driver lists right after its start, before anything is repeated. */
import assert from "node:assert/strict";

import type { CsiClient } from "../../support/csi-client.ts";

export class Listing {
  /** Volumes and snapshots: each has a thin. */
  readonly objects: number;
  readonly #ids: ReadonlySet<string>;
  readonly #times: ReadonlyMap<string, unknown>;

  private constructor(volumes: readonly string[], snapshots: readonly SnapshotFacts[]) {
    this.objects = volumes.length + snapshots.length;
    const groups = snapshots.flatMap(({ group }) => (group === "" ? [] : [group]));
    this.#ids = new Set([...volumes, ...snapshots.map(({ id }) => id), ...groups]);
    this.#times = new Map(
      snapshots.flatMap(({ id, group, time }) => [[id, time] as const, [group, time] as const]),
    );
  }

  static async of({ controller }: CsiClient): Promise<Listing> {
    const { entries: volumes } = await controller.listVolumes({});
    const { entries: snapshots } = await controller.listSnapshots({});
    return new Listing(
      volumes.map(({ volume }) => volume?.volume_id ?? ""),
      snapshots.map(({ snapshot }) => ({
        id: snapshot?.snapshot_id ?? "",
        group: snapshot?.group_snapshot_id ?? "",
        time: snapshot?.creation_time,
      })),
    );
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** The answer has the time that was listed; for volumes nothing is listed that could differ. */
  expectSame(id: string, answer: unknown): void {
    if (!this.#times.has(id) || typeof answer !== "object" || answer === null) return;
    assert.deepEqual("creation_time" in answer ? answer.creation_time : undefined, this.#times.get(id));
  }
}

interface SnapshotFacts {
  readonly id: string;
  /** Empty for a single one. */
  readonly group: string;
  readonly time: unknown;
}
