/** Whether a name is taken: asked of all nodes at once. */
import { randomUUID } from "node:crypto";
import {
  IncompatibleExistingError,
  messageOf,
  OperationPendingError,
  PoolUnavailableError,
} from "../core/errors.ts";
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

/** `token`: for the create, and good for nothing where the name is taken; undefined: of a node of before. */
export type NameAnswer =
  /** `pool` is "" while the object is being made. */
  | { readonly kind: "taken"; readonly pool: string; readonly token: string | undefined }
  | { readonly kind: "free"; readonly token: string | undefined }
  /** If it is there at all, then in one of these. */
  | {
      readonly kind: "unsure";
      readonly pools: readonly FindNamesResponse_UnsurePool__Output[];
      readonly token: string | undefined;
    }
  /** Another controller may be about to give it. */
  | { readonly kind: "held" }
  | { readonly kind: "unknown"; readonly reason: string };

export type NameAnswers = ReadonlyMap<FleetNode, NameAnswer>;

/** A node that matters is waited for (`LEASE_MS` of nodes is more than twice that); one that is asked to be on the safe side is not worth a caller's time. */
const PATIENCE_MS = 5000;
const IMPATIENCE_MS = 1000;

/** What a caller can lose by a question to a slow node that others asked before he came. */
const PAUSE_MS = 250;

const { FindNames } = loadNodeLink();

/** Of one controller: callers who ask at the same time share the questions to each node. */
export class Names {
  readonly #fleet: Pick<Fleet, "nodes" | "ownerOf">;
  readonly #asker = randomUUID();
  readonly #ofNodes = new WeakMap<FleetNode, Map<Name["kind"], Gathered<NameAnswer>>>();

  constructor(fleet: Pick<Fleet, "nodes" | "ownerOf">) {
    this.#fleet = fleet;
  }

  /** Asks all nodes, each with its own deadline. `matters`: that this node may have the name. Rejects never. */
  async ask(
    name: Name,
    { signal, deadline }: Waiting,
    matters: (node: FleetNode) => boolean,
  ): Promise<NameAnswers> {
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
   * The node that has `pool`, for something that is made of what is there, and the token for its create. Names are unique in
   * the cluster; only this node decides, and others that do not answer hold nobody up. Throws IncompatibleExistingError where
   * the name is in use elsewhere, OperationPendingError where another controller may be giving it, PoolUnavailableError where
   * there is no such node or it does not answer.
   */
  async ownerWhereFree(
    name: Name,
    pool: PoolUuid,
    waiting: Waiting,
  ): Promise<{ readonly owner: FleetNode; readonly token: string | undefined }> {
    const before = this.#fleet.ownerOf(pool);
    const answers = await this.ask(name, waiting, (node) => node === before);
    const owner = this.#fleet.ownerOf(pool);
    const other = takers(answers).find((node) => node !== owner);
    if (other !== undefined)
      throw new IncompatibleExistingError(
        `the name ${quote(name.text)} is in use on node ${other.name}; what is to be copied is on ${owner.name}`,
      );
    const answer = answers.get(owner) ?? NOT_YET;
    if (answer.kind === "unknown")
      throw new PoolUnavailableError(
        `node ${owner.name} cannot tell whether it has the name: ${answer.reason}; retry`,
      );
    if (answer.kind !== "taken") requireNotHeld(name, answers);
    return { owner, token: tokenFor(owner, answers) };
  }

  #gathered(node: FleetNode, kind: Name["kind"]): Gathered<NameAnswer> {
    const kinds = this.#ofNodes.get(node) ?? new Map<Name["kind"], Gathered<NameAnswer>>();
    this.#ofNodes.set(node, kinds);
    const gathered =
      kinds.get(kind) ??
      new Gathered<NameAnswer>({
        most: MOST_NAMES,
        pauseMs: PAUSE_MS,
        ask: (question) => askFor(node, { kind, asker: this.#asker }, question),
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
  who: { readonly kind: Name["kind"]; readonly asker: string },
  { names, ...waiting }: Question,
): Promise<(name: string) => NameAnswer> {
  if (node.view === undefined) return () => away(node);
  const response = await node.call(FindNames, { ...who, names: [...names] }, waiting);
  const pools = new Map(response.found.map((each) => [each.name, each.pool_uuid]));
  const held = new Set(response.held);
  const token = response.token === "" ? undefined : response.token;
  const others: NameAnswer =
    response.unsure.length === 0
      ? { kind: "free", token }
      : { kind: "unsure", pools: response.unsure, token };
  return (name) => {
    const pool = pools.get(name);
    if (pool !== undefined) return { kind: "taken", pool, token };
    return held.has(name) ? { kind: "held" } : others;
  };
}

/** The nodes that have it. */
export const takers = (answers: NameAnswers): readonly FleetNode[] =>
  [...answers].flatMap(([node, { kind }]) => (kind === "taken" ? [node] : []));

/** What a create on that node has to show. */
export function tokenFor(node: FleetNode, answers: NameAnswers): string | undefined {
  const answer = answers.get(node);
  return answer !== undefined && "token" in answer ? answer.token : undefined;
}

/** Throws OperationPendingError where another controller may be about to give that name. */
export function requireNotHeld({ text }: Name, answers: NameAnswers): void {
  for (const [{ name }, { kind }] of answers)
    if (kind === "held")
      throw new OperationPendingError(
        `node ${name} has been asked for the name ${quote(text)} by another controller a moment ago; retry`,
      );
}

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
