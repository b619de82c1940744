/**
 * One PersistentVolume on its way, step after step. Who has its turn may write to it; each step sees whether it is this call's still, and
 * writes to exactly the text that it saw. A note is deleted by who has taken the turn after its own while nobody had deleted the
 * PersistentVolume, or once that is made again: docs/adr/0027-persistent-volumes-are-made-again.md.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError, PreconditionError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import {
  isBeingDeleted,
  inOrder,
  isReleased,
  KNOWN_FINALIZERS,
  RETAIN,
  STAYS_RETAINED,
  type RehomeStep,
  type VolumePlan,
  type VolumeSight,
} from "../plan/rehome.ts";
import { CONFLICT, NOT_FOUND } from "./api.ts";
import type { RawApi } from "./raw.ts";
import { claimPath, listNotes, notePath, notesPath, VOLUMES } from "./rehome-notes.ts";
import {
  claimState,
  isOfPool,
  isSameText,
  movedVolume,
  noteName,
  noteObject,
  parseVolume,
  restoration,
  retention,
  sightOf,
  type Note,
  type VolumeObject,
} from "./rehome-objects.ts";

export interface MoveOptions {
  readonly pool: PoolUuid;
  /** Of the notes. */
  readonly namespace: string;
  /** The new node's value of the topology label. */
  readonly to: string;
}

/** How long Kubernetes has to take an object away, or to call it Bound. */
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 250;
/** Others write to a PersistentVolume as well. */
const TRIES = 10;
/** In which no policy makes anybody delete anything. One that was just made is in none yet. */
const SETTLED: ReadonlySet<string> = new Set(["Available", "Bound"]);

export class VolumeMove {
  readonly #api: RawApi;
  readonly #options: MoveOptions;
  readonly #name: string;
  readonly #notes: Set<string>;
  /** What is made. */
  #object: VolumeObject | undefined;
  #uid: string | undefined;
  #turn: string | undefined;
  readonly #isLeaving: boolean;

  constructor(api: RawApi, options: MoveOptions, plan: VolumePlan, notes: ReadonlyMap<string, Note>) {
    this.#api = api;
    this.#options = options;
    this.#name = plan.name;
    this.#notes = new Set(plan.notes);
    this.#uid = plan.uid;
    this.#turn = plan.turn;
    this.#isLeaving = plan.isLeaving;
    if (plan.uid === undefined) this.#object = notes.get(plan.notes.at(-1) ?? "")?.object;
  }

  /**
   * Answers what there is to be said about it. PreconditionError where somebody else has changed the PersistentVolume, or is at it as well,
   * EnvironmentError where the cluster does not do its part.
   */
  async perform(step: RehomeStep): Promise<string | undefined> {
    switch (step.kind) {
      case "retain":
        await this.#retain();
        return undefined;
      case "note":
        await this.#note();
        return undefined;
      case "remove":
        await this.#remove();
        return undefined;
      case "create":
        await this.#create();
        return undefined;
      case "forget":
        await this.#forget();
        return undefined;
      case "restore-policy":
        return this.#restorePolicy();
    }
  }

  async #retain(): Promise<void> {
    const turn = randomUUID();
    for (let tries = TRIES; tries > 0; tries -= 1) {
      const volume = await this.#present();
      const { isLeaving, mark } = sightOf(volume);
      // Who has deleted it since has his reasons, or is a call that goes on to make it again.
      if (isLeaving !== this.#isLeaving) throw this.#changed();
      // The patch is for this text of it: csi-provisioner never saw one that is Released and not retained.
      if (isBeingDeleted(sightOf(volume)))
        throw new PreconditionError(`PersistentVolume ${this.#name} is being deleted: repeat the command`);
      if ((await this.#patch(volume, retention(volume, turn), [CONFLICT])) === undefined) continue;
      this.#turn = turn;
      // Whoever had the turn before can delete nothing any more, so his note, seen or not, has nothing to keep.
      if (mark !== undefined) this.#notes.add(noteName(mark.turn));
      return;
    }
    throw this.#changed();
  }

  async #note(): Promise<void> {
    const volume = await this.#present();
    const { turn } = this.#requireOwn(volume);
    const body = noteObject(volume, this.#options.pool, turn);
    await this.#api.send({ method: "POST", path: notesPath(this.#options.namespace), body });
    this.#object = volume;
    this.#notes.add(body.metadata.name);
    // Who has taken the turn meanwhile did not see it, and leaves it behind.
    const after = await this.#find();
    if (after !== undefined && this.#isOwnTurn(sightOf(after))) return;
    await this.#api.send({
      method: "DELETE",
      path: notePath(this.#options.namespace, noteName(turn)),
      accept: [NOT_FOUND],
    });
    throw this.#changed();
  }

  /** Resolves where it was this call that took it away. */
  async #remove(): Promise<void> {
    const { uid, object, body } = this.#known();
    // Whether it may be made again is seen before it is gone. That its name is in use is all that should be wrong.
    await this.#api.send({ method: "POST", path: `${VOLUMES}?dryRun=All`, body, accept: [CONFLICT] });
    let isOurs = false;
    for (let tries = TRIES; ; tries -= 1) {
      const volume = await this.#find();
      if (volume === undefined || volume.metadata.uid !== uid) {
        if (isOurs) return;
        throw this.#changed();
      }
      if (tries === 0)
        throw new EnvironmentError(`PersistentVolume ${this.#name} is changed again and again; try later`);
      // Of exactly this text: with any other policy somebody might delete what is behind it, and what is new would be lost.
      this.#requireOwn(volume);
      if (!isSameText(volume, object)) throw this.#changed();
      const { resourceVersion, deletionTimestamp, finalizers = [] } = volume.metadata;
      if (deletionTimestamp === undefined) {
        const preconditions = { uid, resourceVersion };
        const options = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
        const request = { method: "DELETE", path: this.#path, body: options } as const;
        const answer = await this.#api.send({ ...request, accept: [CONFLICT, NOT_FOUND] });
        isOurs = answer !== undefined && finalizers.length === 0;
        continue;
      }
      const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
      if (foreign.length > 0)
        throw new PreconditionError(
          `PersistentVolume ${this.#name} is held by others: finalizers ${foreign.join(", ")}`,
        );
      const freed = { metadata: { finalizers: [] } };
      isOurs = (await this.#patch(volume, freed, [CONFLICT, NOT_FOUND])) !== undefined;
    }
  }

  async #create(): Promise<void> {
    const { object, body, turn } = this.#known();
    // A call that came later may have noted something else, and be done with it.
    const notes = (await listNotes(this.#api, this.#options)).filter(
      ({ before }) => before.name === this.#name,
    );
    if (inOrder(notes).at(-1)?.name !== noteName(turn)) throw this.#changed();
    await this.#api.send({ method: "POST", path: VOLUMES, body, accept: [CONFLICT] });
    this.#uid = undefined;
    const sight = sightOf(await this.#present());
    if (sight.handle !== sightOf(object).handle)
      throw new PreconditionError(
        `another PersistentVolume ${this.#name} has come; what it was is in ConfigMap ${noteName(turn)}`,
      );
    if (sight.home !== this.#options.to || !this.#isOwnTurn(sight)) throw this.#changed();
    this.#uid = sight.uid;
  }

  async #forget(): Promise<void> {
    for (const name of this.#notes) {
      const path = notePath(this.#options.namespace, name);
      await this.#api.send({ method: "DELETE", path, accept: [NOT_FOUND] });
    }
  }

  async #restorePolicy(): Promise<string | undefined> {
    const end = performance.now() + PATIENCE_MS;
    for (; ; await sleep(LOOK_AGAIN_MS)) {
      const volume = await this.#present();
      const sight = sightOf(volume);
      if (sight.mark === undefined) return undefined;
      if (sight.isLeaving || sight.home !== this.#options.to || !this.#isOwnTurn(sight))
        throw this.#changed();
      if (SETTLED.has(sight.phase) || isReleased(sight)) {
        const policy = (await this.#isClaimThere(sight)) ? sight.policy : RETAIN;
        const change = restoration(sight.isRetained ? policy : sight.policy);
        if ((await this.#patch(volume, change, [CONFLICT])) === undefined) continue;
        return policy === sight.mark.policy ? undefined : STAYS_RETAINED;
      }
      if (performance.now() > end)
        throw new EnvironmentError(
          `PersistentVolume ${this.#name} is ${sight.phase === "" ? "of no phase" : sight.phase}, and nobody calls it Bound; ` +
            `its policy stays ${RETAIN} until the command is repeated`,
        );
    }
  }

  /** Somebody who deletes a claim while its volume is retained may count on that, though a pod holds the claim a while. */
  async #isClaimThere({ claim }: VolumeSight): Promise<boolean> {
    if (claim === undefined) return true;
    const object = await this.#api.send({ method: "GET", path: claimPath(claim), accept: [NOT_FOUND] });
    return object !== undefined && claimState(object, claim.uid).isThere;
  }

  #known(): {
    readonly uid: string;
    readonly object: VolumeObject;
    readonly body: object;
    readonly turn: string;
  } {
    const object = this.#object;
    if (object === undefined || this.#turn === undefined)
      throw new RangeError(`PersistentVolume ${this.#name} is not noted`);
    return {
      uid: object.metadata.uid,
      object,
      body: movedVolume(object, this.#options.to),
      turn: this.#turn,
    };
  }

  #requireOwn(volume: VolumeObject): { readonly turn: string } {
    const sight = sightOf(volume);
    if (!sight.isRetained || this.#turn === undefined || !this.#isOwnTurn(sight)) throw this.#changed();
    return { turn: this.#turn };
  }

  #isOwnTurn({ mark }: VolumeSight): boolean {
    return mark !== undefined && mark.turn === this.#turn;
  }

  #changed(): PreconditionError {
    return new PreconditionError(
      `PersistentVolume ${this.#name} was just changed by somebody else: repeat the command`,
    );
  }

  get #path(): string {
    return `${VOLUMES}/${encodeURIComponent(this.#name)}`;
  }

  async #find(): Promise<VolumeObject | undefined> {
    const object = await this.#api.send({ method: "GET", path: this.#path, accept: [NOT_FOUND] });
    return object === undefined ? undefined : parseVolume(object);
  }

  async #present(): Promise<VolumeObject> {
    const volume = await this.#find();
    if (volume === undefined)
      throw new PreconditionError(`PersistentVolume ${this.#name} is gone: repeat the command`);
    const isOther = this.#uid !== undefined && volume.metadata.uid !== this.#uid;
    if (isOther || !isOfPool(volume, this.#options.pool))
      throw new PreconditionError(`PersistentVolume ${this.#name} is another one now: repeat the command`);
    return volume;
  }

  /** Only as long as nobody else has changed it. */
  #patch(
    { metadata: { uid, resourceVersion } }: VolumeObject,
    change: { readonly metadata?: object; readonly spec?: object },
    accept: readonly number[],
  ): Promise<unknown> {
    const body = { ...change, metadata: { ...change.metadata, uid, resourceVersion } };
    return this.#api.send({ method: "PATCH", path: this.#path, body, accept });
  }
}
