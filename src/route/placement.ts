/**
 * CreateVolume: which node. One name is one volume, also when the answer of an earlier try was lost and there is more room
 * elsewhere by now: docs/adr/0021-one-name-one-volume.md.
 */
import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { IncompatibleExistingError, NoRoomError, PoolUnavailableError } from "../core/errors.ts";
import { lockKey } from "../core/lock-keys.ts";
import { Operations } from "../core/operations.ts";
import { quote } from "../core/quote.ts";
import { parseCreateVolume, type CreateVolumeCall } from "../csi/messages-volume.ts";
import { loadCsi } from "../csi/proto.ts";
import { mayGoOn, PassedOnError } from "../csi/status.ts";
import { topologySegment } from "../csi/topology.ts";
import type { CreateVolumeRequest__Output, CreateVolumeResponse__Output } from "../generated/csi.ts";
import type { Log } from "../log.ts";
import { roomOf } from "./capacity.ts";
import { awayError, type Waiting } from "./connection.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import { LONGEST_WAY_MS } from "./name-leases.ts";
import { doubtOf, requireNotHeld, takers, tokenFor, type NameAnswers, type Names } from "./names.ts";
import { requireOwnVolume } from "./own-answers.ts";

/** Nodes that refuse for room are few: their reports are seconds old. */
const MOST_TRIES = 8;

/** Names of creates whose outcome is not known. Beyond this the oldest is forgotten. */
const MOST_DOUBTS = 10_000;

/** Where a create may go, and what it has to show there. */
interface Place {
  readonly node: FleetNode;
  readonly token: string | undefined;
}

interface Doubt {
  readonly node: string;
  /** Of `performance.now`. */
  readonly since: number;
}

export class Placement {
  readonly #fleet: Fleet;
  readonly #method = loadCsi().Controller.CreateVolume;
  readonly #names: Names;
  /** One try at a time for a name, so that two cannot both find it free. */
  readonly #tries = new Operations();
  /** Where a name may have been given to a volume without our knowing. */
  readonly #doubts = new Map<string, Doubt>();

  readonly #log: Log;

  constructor(fleet: Fleet, names: Names, log: Log) {
    this.#fleet = fleet;
    this.#names = names;
    this.#log = log;
  }

  create(request: CreateVolumeRequest__Output, waiting: Waiting): Promise<CreateVolumeResponse__Output> {
    return Promise.try(() => {
      const call = parseCreateVolume(request);
      const scope = {
        title: `CreateVolume ${quote(call.name)}`,
        exclusive: [lockKey.volumeName(call.name)],
        // Nobody joins: each caller has its own deadline. The nodes join equal calls.
        fingerprint: randomUUID(),
      };
      return this.#tries.run(scope, () => this.#create(request, call, waiting));
    });
  }

  async #create(
    request: CreateVolumeRequest__Output,
    call: CreateVolumeCall,
    waiting: Waiting,
  ): Promise<CreateVolumeResponse__Output> {
    const name = { kind: "VOLUME", text: call.name } as const;
    if (call.source !== undefined) {
      const { pool } = call.source;
      const { owner, token } = await this.#names.ownerWhereFree(name, pool, waiting);
      return this.#forward({ node: owner, token }, request, waiting);
    }
    const doubted = this.#doubted(call.name);
    const candidates = new Set(this.#candidates(call));
    const mayHave = (node: FleetNode): boolean => candidates.has(node) || node.name === doubted;
    const answers = await this.#names.ask(name, waiting, mayHave);
    const placeOn = (node: FleetNode): Place => ({ node, token: tokenFor(node, answers) });
    const existing = this.#existing(call, answers);
    if (existing !== undefined) {
      // A retry may well prefer another node. A node that lies about names shows here too.
      if (!candidates.has(existing))
        this.#log.warn(
          { name: call.name, node: existing.name },
          "a node that was not asked for has the name",
        );
      return this.#forward(placeOn(existing), request, waiting);
    }
    requireNotHeld(name, answers);
    for (const [node, answer] of answers) {
      const reason = mayHave(node) ? doubtOf(answer, call.pool) : undefined;
      if (reason !== undefined)
        throw new PoolUnavailableError(
          `volume ${quote(call.name)} may exist on node ${node.name}, which cannot tell: ${reason}; retry`,
        );
    }
    return this.#place([...candidates].map(placeOn), call, request, waiting);
  }

  /**
   * Where the volume may be made: the node that the scheduler has chosen, else all that are allowed. Those that never had
   * the pool are none. Throws NoRoomError.
   */
  #candidates(call: CreateVolumeCall): readonly FleetNode[] {
    this.#fleet.requireKnown();
    const { preferred = [], requisite = [] } = call.requirements ?? {};
    const [first] = preferred;
    const allowed = first === undefined ? requisite : [first];
    if (allowed.length === 0) return this.#fleet.nodes.filter((node) => mayHavePool(node, call));
    const nodes = allowed.flatMap((topology) => this.#fleet.at(topologySegment(topology) ?? "") ?? []);
    if (nodes.length === 0)
      throw new NoRoomError(
        "accessibility_requirements: none of the nodes asked for is a node of this driver",
      );
    return first === undefined ? nodes.filter((node) => mayHavePool(node, call)) : nodes;
  }

  #existing(call: CreateVolumeCall, answers: NameAnswers): FleetNode | undefined {
    const [existing, ...others] = takers(answers);
    if (existing === undefined || others.length === 0) return existing;
    const names = [existing, ...others].map(({ name }) => name).join(" and ");
    throw new IncompatibleExistingError(
      `volume ${quote(call.name)} exists on nodes ${names}: delete those that no PersistentVolume names`,
    );
  }

  async #place(
    candidates: readonly Place[],
    call: CreateVolumeCall,
    request: CreateVolumeRequest__Output,
    waiting: Waiting,
  ): Promise<CreateVolumeResponse__Output> {
    const [only, ...more] = candidates;
    if (only !== undefined && more.length === 0) return this.#forward(only, request, waiting);
    const ranked = candidates
      .map((place) => ({ place, room: roomOf(place.node.view, call.pool).maximumVolume }))
      .filter(({ room }) => room > 0n && room >= (call.range.required ?? 0n))
      .toSorted((one, other) => (one.room < other.room ? 1 : one.room > other.room ? -1 : 0));
    let refusal: PassedOnError | undefined;
    for (const { place } of ranked.slice(0, MOST_TRIES)) {
      try {
        return await this.#forward(place, request, waiting);
      } catch (error) {
        if (!(error instanceof PassedOnError) || error.code !== status.RESOURCE_EXHAUSTED) throw error;
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
    const size = call.range.required === undefined ? "" : ` of ${call.range.required} bytes`;
    const pool = call.pool === undefined ? "" : ` in pool ${call.pool}`;
    throw new NoRoomError(`none of ${candidates.length} nodes has room for a volume${size}${pool}`);
  }

  async #forward(
    { node, token }: Place,
    request: CreateVolumeRequest__Output,
    waiting: Waiting,
  ): Promise<CreateVolumeResponse__Output> {
    if (node.view === undefined) throw awayError(node);
    this.#doubt(request.name, node.name);
    try {
      const response = await node.call(this.#method, request, waiting, token);
      requireOwnVolume(this.#fleet, node, response.volume);
      this.#doubts.delete(request.name);
      return response;
    } catch (error) {
      if (error instanceof PassedOnError && !mayGoOn(error)) this.#doubts.delete(request.name);
      throw error;
    }
  }

  /**
   * The node that may have the name without our knowing. Throws PoolUnavailableError where it has left the roster, as nodes
   * do by mistake; for a while, as they do it for good too.
   */
  #doubted(name: string): string | undefined {
    this.#fleet.requireKnown();
    const doubt = this.#doubts.get(name);
    if (doubt === undefined || this.#fleet.nodes.some((node) => node.name === doubt.node)) return doubt?.node;
    if (performance.now() - doubt.since < LONGEST_WAY_MS)
      throw new PoolUnavailableError(
        `volume ${quote(name)} may exist on node ${doubt.node}, which is no node of this driver any more; retry`,
      );
    this.#doubts.delete(name);
    return undefined;
  }

  #doubt(name: string, node: string): void {
    this.#doubts.delete(name);
    this.#doubts.set(name, { node, since: performance.now() });
    const [oldest] = this.#doubts.keys();
    if (this.#doubts.size > MOST_DOUBTS && oldest !== undefined) this.#doubts.delete(oldest);
  }
}

/** A node that is away may have any pool. */
function mayHavePool({ view }: FleetNode, { pool }: CreateVolumeCall): boolean {
  if (view === undefined || pool === undefined) return true;
  return [...view.pools, ...view.absent].some(({ name }) => name === pool);
}
