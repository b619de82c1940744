/** Whether a name is taken: asked of all nodes at once. */
import { IncompatibleExistingError, messageOf } from "../core/errors.ts";
import { Gathered, type Question } from "../core/gathered.ts";
import type { PoolUuid } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { FindNamesRequest_Kind, FindNamesResponse_UnsurePool__Output } from "../generated/dmthin.ts";
import type { Waiting } from "./connection.ts";
import { loadNodeLink, MOST_NAMES } from "./contract.ts";
import type { Fleet, FleetNode } from "./fleet.ts";

export interface Name {
  readonly kind: Exclude<FindNamesRequest_Kind, number | "UNKNOWN">;
  readonly text: string;
}

export type NameAnswer =
  /** `pool` is "" while the object is being made. */
  | { readonly kind: "taken"; readonly pool: string }
  | { readonly kind: "free" }
  /** If it is there at all, then in one of these. */
  | { readonly kind: "unsure"; readonly pools: readonly FindNamesResponse_UnsurePool__Output[] }
  | { readonly kind: "unknown"; readonly reason: string };

/** A node that matters is waited for; one that is asked to be on the safe side is not worth a caller's time. */
const PATIENCE_MS = 5000;
const IMPATIENCE_MS = 1000;

const { FindNames } = loadNodeLink();

/** Of one controller: callers who ask at the same time share the questions to each node. */
export class Names {
  readonly #fleet: Pick<Fleet, "nodes" | "ownerOf">;
  readonly #ofNodes = new WeakMap<FleetNode, Map<Name["kind"], Gathered<NameAnswer>>>();

  constructor(fleet: Pick<Fleet, "nodes" | "ownerOf">) {
    this.#fleet = fleet;
  }

  /** Asks all nodes, each with its own deadline. `matters`: that this node may have the name. Rejects never. */
  async ask(
    name: Name,
    { signal, deadline }: Waiting,
    matters: (node: FleetNode) => boolean,
  ): Promise<ReadonlyMap<FleetNode, NameAnswer>> {
    const { nodes } = this.#fleet;
    const now = Date.now();
    const answers = new Map<FleetNode, NameAnswer>(
      nodes.map((node) => [node, node.view === undefined ? away(node) : NOT_YET]),
    );
    const there = nodes.filter(({ view }) => view !== undefined);
    const { promise: all, resolve } = Promise.withResolvers<void>();
    let open = there.length;
    if (open === 0) resolve();
    const questions = there.map((node) => {
      const patience = matters(node) ? PATIENCE_MS : IMPATIENCE_MS;
      const until = now + Math.max(0, Math.min(patience, deadline - now));
      const told = (answer: NameAnswer): void => {
        answers.set(node, answer);
        open -= 1;
        if (open === 0) resolve();
      };
      return { until, asked: this.#gathered(node, name.kind).ask(name.text, { deadline: until, told }) };
    });
    const leave = (until: number, reason: string): void => {
      for (const each of questions) if (each.until <= until) each.asked.leave({ kind: "unknown", reason });
    };
    const timers = [...new Set(questions.map(({ until }) => until))].map((until) =>
      setTimeout(() => leave(until, `it has not answered within ${until - now} ms`), until - now),
    );
    const gone = (): void => leave(Infinity, "nobody waits for its answer any more");
    if (signal.aborted) gone();
    signal.addEventListener("abort", gone, { once: true });
    await all;
    signal.removeEventListener("abort", gone);
    for (const timer of timers) clearTimeout(timer);
    return answers;
  }

  /**
   * The node that has `pool`, for something that is made of what is there. Names are unique in the cluster; only this node
   * decides, and others that do not answer hold nobody up. Throws IncompatibleExistingError where the name is in use
   * elsewhere, PoolUnavailableError where there is no such node.
   */
  async ownerWhereFree(name: Name, pool: PoolUuid, waiting: Waiting): Promise<FleetNode> {
    const owner = this.#fleet.ownerOf(pool);
    const answers = await this.ask(name, waiting, () => false);
    const other = takers(answers).find((node) => node !== owner);
    if (other === undefined) return this.#fleet.ownerOf(pool);
    throw new IncompatibleExistingError(
      `the name ${quote(name.text)} is in use on node ${other.name}; what is to be copied is on ${owner.name}`,
    );
  }

  #gathered(node: FleetNode, kind: Name["kind"]): Gathered<NameAnswer> {
    const kinds = this.#ofNodes.get(node) ?? new Map<Name["kind"], Gathered<NameAnswer>>();
    this.#ofNodes.set(node, kinds);
    const gathered =
      kinds.get(kind) ??
      new Gathered<NameAnswer>({
        most: MOST_NAMES,
        ask: (question) => askFor(node, kind, question),
        failed: (error) => ({ kind: "unknown", reason: messageOf(error) }),
      });
    kinds.set(kind, gathered);
    return gathered;
  }
}

const NOT_YET: NameAnswer = { kind: "unknown", reason: "it has not answered" };
const away = ({ problem }: FleetNode): NameAnswer => ({ kind: "unknown", reason: problem });

/** A node that has gone since the name was to be asked for is not asked. Rejects as `FleetNode.call` does. */
async function askFor(
  node: FleetNode,
  kind: Name["kind"],
  { names, ...waiting }: Question,
): Promise<(name: string) => NameAnswer> {
  if (node.view === undefined) return () => away(node);
  const { found, unsure } = await node.call(FindNames, { kind, names: [...names] }, waiting);
  const pools = new Map(found.map((each) => [each.name, each.pool_uuid]));
  const others: NameAnswer = unsure.length === 0 ? { kind: "free" } : { kind: "unsure", pools: unsure };
  return (name) => {
    const pool = pools.get(name);
    return pool === undefined ? others : { kind: "taken", pool };
  };
}

/** The nodes that have it. */
export const takers = (answers: ReadonlyMap<FleetNode, NameAnswer>): readonly FleetNode[] =>
  [...answers].flatMap(([node, { kind }]) => (kind === "taken" ? [node] : []));

/**
 * Why something of that name may be on a node that did not find it; undefined: it is not. `pool`: the one that it would be
 * in, undefined: in the node's default. Whoever asks for a name again names the same pool, so others are of no account.
 */
export function doubtOf(answer: NameAnswer, pool: string | undefined): string | undefined {
  if (answer.kind === "unknown") return answer.reason;
  if (answer.kind !== "unsure") return undefined;
  const itsOwn = answer.pools.find((each) => (pool === undefined ? each.may_be_default : each.name === pool));
  return itsOwn?.reason;
}
