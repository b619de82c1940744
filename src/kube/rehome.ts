/** What `dmthin pool rehome` sees of a cluster, and does there. */
import { setTimeout as sleep } from "node:timers/promises";
import type { PoolUuid } from "../core/ids.ts";
import { topologyValue } from "../core/topology.ts";
import type { RehomeSight, VolumeClaim, VolumePlan } from "../plan/rehome.ts";
import { NOT_FOUND } from "./api.ts";
import { rawItems, type RawApi } from "./raw.ts";
import { claimState, isOfPool, labelOf, openOn, parseVolume, sightOf, type Note } from "./rehome-objects.ts";
import { claimPath, listNotes, VOLUMES } from "./rehome-notes.ts";
import { VolumeMove } from "./volume-move.ts";

export interface RehomeOptions {
  readonly pool: PoolUuid;
  readonly node: string;
  /** Where the notes are kept. */
  readonly namespace: string;
}

/** How long Kubernetes has to find a claim again. */
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 250;

export class Rehoming {
  readonly #api: RawApi;
  readonly #options: RehomeOptions;
  readonly #to: string;
  /** By name. */
  #notes: ReadonlyMap<string, Note> = new Map();

  constructor(api: RawApi, options: RehomeOptions) {
    this.#api = api;
    this.#options = options;
    this.#to = topologyValue(options.node);
  }

  /** Changes nothing. */
  async look(): Promise<RehomeSight> {
    const { pool, node, namespace } = this.#options;
    // Notes first: a PersistentVolume that is made meanwhile is there, then.
    const notes = await listNotes(this.#api, { pool, namespace });
    this.#notes = new Map(notes.map((note) => [note.name, note]));
    const noted = new Set(notes.map(({ before }) => before.name));
    const volumes = (await rawItems(this.#api, VOLUMES)).map(parseVolume);
    const object = await this.#get(`/api/v1/nodes/${encodeURIComponent(node)}`);
    const label = object === undefined ? undefined : labelOf(object);
    const reports = await rawItems(this.#api, "/apis/dmthin.io/v1alpha1/thinpools", [NOT_FOUND]);
    return {
      pool,
      node,
      to: this.#to,
      ...(label === undefined ? {} : { label }),
      reportedBy: reports.flatMap((each) => openOn(each, pool) ?? []),
      volumes: volumes
        .filter((volume) => isOfPool(volume, pool) || noted.has(volume.metadata.name))
        .map(sightOf),
      notes,
    };
  }

  /** What does one of the plans that were made of the last look. */
  moveOf(plan: VolumePlan): VolumeMove {
    const { pool, namespace } = this.#options;
    return new VolumeMove(this.#api, { pool, namespace, to: this.#to }, plan, this.#notes);
  }

  /** Kubernetes looks at a claim that it has called Lost once more within 15 s. Answers which are called so still. */
  async untilClaimsFound(claims: readonly VolumeClaim[]): Promise<readonly VolumeClaim[]> {
    const end = performance.now() + PATIENCE_MS;
    for (let left = claims; ; await sleep(LOOK_AGAIN_MS)) {
      const lost: VolumeClaim[] = [];
      for (const claim of left) if (await this.#isLost(claim)) lost.push(claim);
      if (lost.length === 0 || performance.now() > end) return lost;
      left = lost;
    }
  }

  async #isLost(claim: VolumeClaim): Promise<boolean> {
    const path = claimPath(claim);
    const object = await this.#api.send({ method: "GET", path, accept: [NOT_FOUND] });
    return object !== undefined && claimState(object, claim.uid).isLost;
  }

  #get(path: string): Promise<unknown> {
    return this.#api.send({ method: "GET", path, accept: [NOT_FOUND] });
  }
}
