/** What `dmthin pool rehome` sees of a cluster, and does there. Each step may be repeated, and looks before it changes anything. */
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError, PreconditionError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import { topologyValue } from "../core/topology.ts";
import {
  isBeingDeleted,
  isReleased,
  KNOWN_FINALIZERS,
  RETAIN,
  STAYS_RETAINED,
  type RehomeSight,
  type RehomeStep,
  type VolumeClaim,
} from "../plan/rehome.ts";
import { CONFLICT, FORBIDDEN, NOT_FOUND } from "./api.ts";
import type { RawApi, RawRequest } from "./raw.ts";
import {
  isLostClaim,
  isOfPool,
  labelOf,
  movedVolume,
  noteName,
  noteObject,
  notesOf,
  openOn,
  parseList,
  parseNote,
  parseVolume,
  restoration,
  retention,
  sightOf,
  type Note,
  type VolumeObject,
} from "./rehome-objects.ts";

export interface RehomeOptions {
  readonly pool: PoolUuid;
  readonly node: string;
  /** Where the notes are kept. */
  readonly namespace: string;
}

const VOLUMES = "/api/v1/persistentvolumes";
const PAGE = 500;
/** How long Kubernetes has to take an object away, or to find its claim again. */
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 250;
/** Others write to a PersistentVolume as well. */
const TRIES = 10;
/** In which no policy makes anybody delete anything. One that was just made is in none yet. */
const SETTLED: ReadonlySet<string> = new Set(["Available", "Bound"]);

export class Rehoming {
  readonly #api: RawApi;
  readonly #options: RehomeOptions;
  readonly #to: string;

  constructor(api: RawApi, options: RehomeOptions) {
    this.#api = api;
    this.#options = options;
    this.#to = topologyValue(options.node);
  }

  /** Changes nothing. */
  async look(): Promise<RehomeSight> {
    const { pool, node } = this.#options;
    const notes = (await this.#list(`${this.#notes}?labelSelector=${encodeURIComponent(notesOf(pool))}`)).map(
      parseNote,
    );
    const noted = new Set(notes.map(({ before }) => before.name));
    const volumes = (await this.#list(VOLUMES)).map(parseVolume);
    const object = await this.#get(`/api/v1/nodes/${encodeURIComponent(node)}`);
    const label = object === undefined ? undefined : labelOf(object);
    const reports = await this.#list("/apis/dmthin.io/v1alpha1/thinpools", [NOT_FOUND]);
    return {
      pool,
      node,
      to: this.#to,
      ...(label === undefined ? {} : { label }),
      reportedBy: reports.flatMap((each) => openOn(each, pool) ?? []),
      volumes: volumes
        .filter((volume) => isOfPool(volume, pool) || noted.has(volume.metadata.name))
        .map(sightOf),
      noted: notes.map(({ before }) => before),
    };
  }

  /**
   * `name`: of the PersistentVolume. Answers what there is to be said about it. PreconditionError where that one is no longer what was planned
   * for, EnvironmentError where the cluster does not do its part.
   */
  async perform(name: string, step: RehomeStep): Promise<string | undefined> {
    switch (step.kind) {
      case "retain":
        await this.#retain(name);
        return undefined;
      case "note":
        await this.#note(name);
        return undefined;
      case "remove":
        await this.#remove(name);
        return undefined;
      case "create":
        await this.#create(name);
        return undefined;
      case "forget":
        await this.#forget(name);
        return undefined;
      case "restore-policy":
        return this.#restorePolicy(name);
    }
  }

  async #retain(name: string): Promise<void> {
    const volume = await this.#present(name);
    const sight = sightOf(volume);
    if (sight.isRetained) return;
    // The patch is for this text of it: csi-provisioner never saw one that is Released and not retained.
    if (sight.isLeaving || isBeingDeleted(sight))
      throw new PreconditionError(`PersistentVolume ${name} is being deleted: repeat the command`);
    if ((await this.#patch(volume, retention(volume), [CONFLICT])) === undefined)
      throw new PreconditionError(`PersistentVolume ${name} was just changed: repeat the command`);
  }

  async #note(name: string): Promise<void> {
    const volume = await this.#present(name);
    if (!sightOf(volume).isRetained)
      throw new PreconditionError(
        `PersistentVolume ${name} has not the policy ${RETAIN}: repeat the command`,
      );
    const body = noteObject(volume, this.#options.pool);
    await this.#api.send({ method: "POST", path: this.#notes, body, accept: [CONFLICT] });
    // Of what is noted, and not of what was about to be.
    await this.#noted(name);
  }

  async #remove(name: string): Promise<void> {
    const { before } = await this.#noted(name);
    const uid = before.uid;
    for (let tries = TRIES; ; tries -= 1) {
      const volume = await this.#find(name);
      if (volume === undefined || volume.metadata.uid !== uid) return;
      if (tries === 0)
        throw new EnvironmentError(`PersistentVolume ${name} is changed again and again; try later`);
      // Of exactly this text: with any other policy somebody might delete what is behind it.
      if (volume.spec.persistentVolumeReclaimPolicy !== RETAIN)
        throw new PreconditionError(
          `PersistentVolume ${name} has not the policy ${RETAIN}: repeat the command`,
        );
      const { resourceVersion, deletionTimestamp, finalizers = [] } = volume.metadata;
      if (deletionTimestamp === undefined) {
        const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid, resourceVersion } };
        await this.#api.send({ method: "DELETE", path: pathOf(name), body, accept: [CONFLICT, NOT_FOUND] });
        continue;
      }
      const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
      if (foreign.length > 0)
        throw new PreconditionError(
          `PersistentVolume ${name} is held by others: finalizers ${foreign.join(", ")}`,
        );
      await this.#patch(volume, { metadata: { finalizers: [] } }, [CONFLICT, NOT_FOUND]);
    }
  }

  async #create(name: string): Promise<void> {
    const { object, before } = await this.#noted(name);
    const body = movedVolume(object, this.#to);
    await this.#api.send({ method: "POST", path: VOLUMES, body, accept: [CONFLICT] });
    const made = sightOf(await this.#present(name));
    if (made.handle !== before.handle || made.home !== this.#to)
      throw new PreconditionError(
        `another PersistentVolume ${name} has come; what it was is in ConfigMap ${noteName(before.uid)}`,
      );
  }

  async #restorePolicy(name: string): Promise<string | undefined> {
    const end = performance.now() + PATIENCE_MS;
    for (; ; await sleep(LOOK_AGAIN_MS)) {
      const volume = await this.#present(name);
      const sight = sightOf(volume);
      if (!sight.isMarked) return undefined;
      if (sight.home !== this.#to)
        throw new PreconditionError(`PersistentVolume ${name} is not on ${this.#options.node}`);
      if (SETTLED.has(sight.phase) || isReleased(sight)) {
        if ((await this.#patch(volume, restoration(sight.policy), [CONFLICT])) === undefined) continue;
        return sight.policy === RETAIN ? STAYS_RETAINED : undefined;
      }
      if (performance.now() > end)
        throw new EnvironmentError(
          `PersistentVolume ${name} is ${sight.phase === "" ? "of no phase" : sight.phase}, and nobody calls it Bound; ` +
            `its policy stays ${RETAIN} until the command is repeated`,
        );
    }
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

  /** Who may not look is not told. */
  async #isLost({ namespace, name, uid }: VolumeClaim): Promise<boolean> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/persistentvolumeclaims/${encodeURIComponent(name)}`;
    const object = await this.#api.send({ method: "GET", path, accept: [NOT_FOUND, FORBIDDEN] });
    return object !== undefined && isLostClaim(object, uid);
  }

  async #forget(name: string): Promise<void> {
    const { before } = await this.#noted(name);
    const path = `${this.#notes}/${noteName(before.uid)}`;
    await this.#api.send({ method: "DELETE", path, accept: [NOT_FOUND] });
  }

  get #notes(): string {
    return `/api/v1/namespaces/${encodeURIComponent(this.#options.namespace)}/configmaps`;
  }

  /** The note of that PersistentVolume. */
  async #noted(name: string): Promise<Note> {
    const selector = encodeURIComponent(notesOf(this.#options.pool));
    const notes = (await this.#list(`${this.#notes}?labelSelector=${selector}`)).map(parseNote);
    const found = notes.filter(({ before }) => before.name === name);
    const [only, ...others] = found;
    if (only === undefined || others.length > 0)
      throw new PreconditionError(`PersistentVolume ${name}: ${found.length} notes of it; one is expected`);
    return only;
  }

  async #find(name: string): Promise<VolumeObject | undefined> {
    const object = await this.#get(pathOf(name));
    return object === undefined ? undefined : parseVolume(object);
  }

  async #present(name: string): Promise<VolumeObject> {
    const volume = await this.#find(name);
    if (volume === undefined)
      throw new PreconditionError(`PersistentVolume ${name} is gone: repeat the command`);
    if (!isOfPool(volume, this.#options.pool))
      throw new PreconditionError(`PersistentVolume ${name} is another one now: repeat the command`);
    return volume;
  }

  /** Only as long as nobody else has changed it. */
  #patch(
    { metadata: { name, uid, resourceVersion } }: VolumeObject,
    change: { readonly metadata?: object; readonly spec?: object },
    accept: readonly number[] = [],
  ): Promise<unknown> {
    const body = { ...change, metadata: { ...change.metadata, uid, resourceVersion } };
    return this.#api.send({ method: "PATCH", path: pathOf(name), body, accept });
  }

  #get(path: string): Promise<unknown> {
    return this.#api.send({ method: "GET", path, accept: [NOT_FOUND] });
  }

  async #list(path: string, accept: RawRequest["accept"] = []): Promise<readonly unknown[]> {
    const items: unknown[] = [];
    for (let next: string | undefined = ""; next !== undefined;) {
      const page = `${path}${path.includes("?") ? "&" : "?"}limit=${PAGE}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
      const answer = await this.#api.send({ method: "GET", path: page, accept });
      if (answer === undefined) return items;
      const list = parseList(answer);
      items.push(...list.items);
      next = list.next;
    }
    return items;
  }
}

const pathOf = (name: string): string => `${VOLUMES}/${encodeURIComponent(name)}`;
