/** All nodes of the roster, and which of them has which pool. Nothing here waits for a node. */
import type { ChannelCredentials } from "@grpc/grpc-js";
import { PoolUnavailableError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import { topologyValue } from "../core/topology.ts";
import type { Log } from "../log.ts";
import { ConditionsLog } from "./conditions-log.ts";
import { awayError, NodeConnection } from "./connection.ts";
import type { NodeView } from "./node-view.ts";
import type { Roster } from "./roster.ts";

/** A node of the roster, connected or not. */
export type FleetNode = Pick<NodeConnection, "name" | "topology" | "view" | "last" | "problem" | "call">;

export interface FleetOptions {
  /** That make sure who is at the other end. */
  readonly credentialsFor: (node: string) => ChannelCredentials;
  readonly log: Log;
  /** Of the cluster, as far as it has one and it is known. */
  readonly clusterUid?: () => string | undefined;
}

const NAMED = 3;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #nodes = new Map<string, NodeConnection | AbsentNode>();
  readonly #byTopology = new Map<string, FleetNode>();
  #known = false;
  /** Made when it is next needed; reports that change sizes only leave it as it is. */
  #owners: ReadonlyMap<PoolUuid, readonly FleetNode[]> | undefined;
  /** Of each node, the pools that its last report named. */
  readonly #had = new Map<string, string>();
  readonly #conditions: ConditionsLog;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#conditions = new ConditionsLog(options.log);
  }

  /** Whether a roster has come. */
  get known(): boolean {
    return this.#known;
  }

  get nodes(): readonly FleetNode[] {
    return [...this.#nodes.values()];
  }

  /** Connections to nodes that stay at their addresses stay too. */
  follow(roster: Roster): void {
    const clusterUid = this.#options.clusterUid?.();
    const wanted = new Map(roster.map((node) => [node.name, node]));
    for (const [name, node] of this.#nodes) {
      const now = wanted.get(name);
      if (now !== undefined && now.address === node.address) continue;
      this.#nodes.delete(name);
      this.#had.delete(name);
      this.#conditions.forget(name);
      this.#byTopology.delete(node.topology);
      node.close();
    }
    for (const { name, address } of roster) {
      if (this.#nodes.has(name)) continue;
      const node =
        address === undefined
          ? new AbsentNode(name)
          : new NodeConnection({
              name,
              address,
              credentials: this.#options.credentialsFor(name),
              ...(clusterUid === undefined ? {} : { clusterUid }),
              log: this.#options.log,
              changed: () => this.#changed(name, node.view),
            });
      this.#nodes.set(name, node);
      this.#byTopology.set(node.topology, node);
    }
    this.#known = true;
    this.#owners = undefined;
  }

  close(): void {
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
  }

  at(topology: string): FleetNode | undefined {
    return this.#byTopology.get(topology);
  }

  /** Who answers for text that is no id of ours: that is the same on every node. Throws PoolUnavailableError. */
  any(): FleetNode {
    this.requireKnown();
    const node = this.nodes.find(({ view }) => view !== undefined);
    if (node === undefined) throw new PoolUnavailableError(`no node answers${this.#away()}`);
    return node;
  }

  /** The one node that has that pool. Throws PoolUnavailableError: that nobody has it now does not mean that it is gone. */
  ownerOf(pool: PoolUuid): FleetNode {
    this.requireKnown();
    const [owner, ...others] = this.#ownersOf().get(pool) ?? [];
    if (owner !== undefined && others.length === 0) return owner;
    if (owner !== undefined) {
      const names = [owner, ...others].map(({ name }) => name).join(" and ");
      throw new PoolUnavailableError(
        `nodes ${names} both say that they have pool ${pool}: neither is asked; a copy of its disks is in one of them`,
      );
    }
    const last = this.nodes.find((node) => node.last?.pools.some(({ uuid }) => uuid === pool) ?? false);
    if (last !== undefined && last.view === undefined) throw awayError(last);
    throw new PoolUnavailableError(`no node says that it has pool ${pool}${this.#away()}; retry`);
  }

  /**
   * All pools with their owners, in the order of their UUIDs. Throws PoolUnavailableError where a node is away, a pool
   * is not open, or its owner is not clear: a list without them reads as a loss.
   */
  allPools(): readonly { readonly uuid: PoolUuid; readonly owner: FleetNode }[] {
    this.requireKnown();
    const away = this.nodes.find(({ view }) => view === undefined);
    if (away !== undefined) throw awayError(away);
    // Nobody owns such a pool, so nobody would be asked for what it holds.
    for (const { name, view } of this.nodes) {
      const [pool] = view?.absent ?? [];
      if (pool !== undefined)
        throw new PoolUnavailableError(
          `the list would not be complete: pool ${pool.name} of node ${name} is not open: ${pool.reason}`,
        );
    }
    return [...this.#ownersOf().keys()].toSorted().map((uuid) => ({ uuid, owner: this.ownerOf(uuid) }));
  }

  #ownersOf(): ReadonlyMap<PoolUuid, readonly FleetNode[]> {
    if (this.#owners !== undefined) return this.#owners;
    const owners = new Map<PoolUuid, FleetNode[]>();
    for (const node of this.#nodes.values()) {
      for (const { uuid } of node.view?.pools ?? []) owners.set(uuid, [...(owners.get(uuid) ?? []), node]);
    }
    return (this.#owners = owners);
  }

  #changed(name: string, view: NodeView | undefined): void {
    const has = view?.pools.map(({ uuid }) => uuid).join() ?? "away";
    if (this.#had.get(name) !== has) this.#owners = undefined;
    this.#had.set(name, has);
    this.#conditions.tell(name, view);
  }

  /** Throws PoolUnavailableError before the first roster. */
  requireKnown(): void {
    if (!this.#known) throw new PoolUnavailableError("the nodes of the cluster are not known yet; retry");
  }

  /** For the end of a message. */
  #away(): string {
    const away = this.nodes.filter(({ view }) => view === undefined);
    if (away.length === 0) return "";
    const named = away.slice(0, NAMED).map(({ name, problem }) => `${name} (${problem})`);
    const more = away.length > NAMED ? ` and ${away.length - NAMED} more` : "";
    return `; away: ${named.join(", ")}${more}`;
  }
}

/** Of the roster, but nobody knows where. */
class AbsentNode implements FleetNode {
  readonly name: string;
  readonly address = undefined;
  readonly topology: string;
  readonly view = undefined;
  readonly last = undefined;
  readonly problem = "its driver does not run";

  constructor(name: string) {
    this.name = name;
    this.topology = topologyValue(name);
  }

  call(): Promise<never> {
    return Promise.reject(awayError(this));
  }

  close(): void {}
}
