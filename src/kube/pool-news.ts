/** Tells people of pools and damaged volumes: Events on the Node, the ThinPool, and on claims that it concerns. */
import { messageOf } from "../core/errors.ts";
import { parseId } from "../core/ids.ts";
import { THIN_POOL } from "../core/thin-pool.ts";
import type { Log } from "../log.ts";
import { Lookups } from "../plan/event-limits.ts";
import { poolNotes, type PoolNote } from "../plan/pool-events.ts";
import type { ThinPoolWrite } from "../plan/thin-pools.ts";
import type { FleetNode } from "../route/fleet.ts";
import { objectsOf } from "../route/objects.ts";
import type { Api } from "./api.ts";
import type { EventRecorder, EventTarget } from "./events.ts";
import { claimOf, claimTarget, persistentVolumes } from "./volumes.ts";

export interface NewsOptions {
  readonly nodes: () => readonly FleetNode[] | undefined;
  readonly recorder: Pick<EventRecorder, "record">;
  readonly log: Log;
}

/** Owners that are told of one turn of a pool: volumes in use first, the largest first. */
export const MOST_CLAIMS = 20;

const ASKED_MS = 30_000;
const LOOK_MS = 5000;
const MOST_QUEUED = 50;

type Written = Exclude<ThinPoolWrite, { kind: "delete" }>;

export class PoolNews {
  readonly #api: Pick<Api, "core">;
  readonly #options: NewsOptions;
  readonly #timer: NodeJS.Timeout;
  /** Of each damaged volume what was told. */
  readonly #damage = new Map<string, string>();
  readonly #claimLookups = new Lookups();
  readonly #damageLookups = new Lookups();
  /** One after the other: each costs the API server some questions. */
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;
  #closed = false;

  constructor(api: Pick<Api, "core">, options: NewsOptions) {
    this.#api = api;
    this.#options = options;
    this.#timer = setInterval(() => this.#lookForDamage(), LOOK_MS).unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** A ThinPool of this uid was written. */
  written(write: Written, uid: string): void {
    const { node, pool } = write.spec;
    const { group, version, kind } = THIN_POOL;
    const own: EventTarget = { apiVersion: `${group}/${version}`, kind, name: write.name, uid };
    // As kubelet does: where a Node is described, its name is looked for as a uid, too.
    const of: EventTarget = { apiVersion: "v1", kind: "Node", name: node, uid: node };
    for (const note of poolNotes(write.spec, write.turned)) {
      const text = { ...note, action: "Watching" };
      void this.#options.recorder.record(own, text);
      void this.#options.recorder.record(of, text, pool);
      // Of a pool that was never open no volumes are known.
      if (!note.forClaims || (write.status.uuid ?? "") === "") continue;
      if (this.#claimLookups.take(node, performance.now())) this.#later(() => this.#tellClaims(write, note));
    }
  }

  async #tellClaims({ spec, status }: Written, note: PoolNote): Promise<void> {
    const node = this.#options.nodes()?.find(({ name }) => name === spec.node);
    const uuid = status.uuid ?? "";
    const open = node?.view?.pools.find((pool) => pool.uuid === uuid);
    const { claims, others } =
      node === undefined || open === undefined
        ? await this.#claimsByHandle(uuid)
        : await this.#claimsByNode(node, open.uuid);
    const more = others > 0 ? `; so are ${others} more volumes, whose claims are not told` : "";
    for (const claim of claims)
      await this.#options.recorder.record(
        claim,
        {
          ...note,
          note: `the volume is on node ${spec.node}, ${note.note}${more}`,
          action: "Watching",
        },
        uuid,
      );
  }

  async #claimsByNode(node: FleetNode, uuid: Parameters<typeof objectsOf>[1]): Promise<Chosen> {
    const volumes = (await objectsOf(node, uuid, waiting())).filter(({ kind }) => kind === "volume");
    const chosen = volumes
      .toSorted((one, other) => Number(other.staged) - Number(one.staged) || (one.size > other.size ? -1 : 1))
      .slice(0, MOST_CLAIMS);
    const claims: EventTarget[] = [];
    for (const volume of chosen) {
      const claim = await claimOf(this.#api, volume);
      if (claim !== undefined) claims.push(claim);
    }
    return { claims, others: volumes.length - chosen.length };
  }

  /** Of a pool that its node cannot ask. */
  async #claimsByHandle(uuid: string): Promise<Chosen> {
    const claims: EventTarget[] = [];
    let others = 0;
    for await (const volume of persistentVolumes(this.#api)) {
      if (parseId(volume.spec?.csi?.volumeHandle ?? "")?.pool !== uuid) continue;
      const claim = claims.length < MOST_CLAIMS ? claimTarget(volume) : undefined;
      if (claim === undefined) others += 1;
      else claims.push(claim);
    }
    return { claims, others };
  }

  #lookForDamage(): void {
    const damaged = (this.#options.nodes() ?? []).flatMap(({ name, view }) =>
      (view?.damaged ?? []).map((volume) => ({ node: name, volume })),
    );
    const now = new Set(damaged.map(({ volume }) => volume.id as string));
    for (const id of this.#damage.keys()) if (!now.has(id)) this.#damage.delete(id);
    for (const { node, volume } of damaged) {
      if (this.#damage.get(volume.id) === volume.reason || this.#queued >= MOST_QUEUED) continue;
      // The next look tries again.
      if (!this.#damageLookups.take(node, performance.now())) continue;
      this.#damage.set(volume.id, volume.reason);
      this.#later(async () => {
        const claim = await claimOf(this.#api, volume).catch((error: unknown) => {
          if (this.#damage.get(volume.id) === volume.reason) this.#damage.delete(volume.id);
          throw error;
        });
        if (claim === undefined) return;
        const text = {
          type: "Warning",
          reason: "VolumeDamaged",
          note: volume.reason,
          action: "Staging",
        } as const;
        await this.#options.recorder.record(claim, text);
      });
    }
  }

  #later(tell: () => Promise<void>): void {
    // Where so many pools are in trouble at once, their owners know.
    if (this.#queued >= MOST_QUEUED) return;
    this.#queued += 1;
    this.#tail = this.#tail.then(async () => {
      this.#queued -= 1;
      if (this.#closed) return;
      await tell().catch((error: unknown) =>
        this.#options.log.warn({ problem: messageOf(error) }, "owners of volumes are not told"),
      );
    });
  }
}

interface Chosen {
  readonly claims: readonly EventTarget[];
  /** Volumes of the pool whose owners are not told. */
  readonly others: number;
}

const waiting = () => ({ signal: AbortSignal.timeout(ASKED_MS), deadline: Date.now() + ASKED_MS });
