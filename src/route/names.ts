/** Whether a name is taken: asked of all nodes at once, each with its own deadline. */
import { IncompatibleExistingError, messageOf } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { FindNamesRequest_Kind, FindNamesResponse_UnsurePool__Output } from "../generated/dmthin.ts";
import type { Waiting } from "./connection.ts";
import { loadNodeLink } from "./contract.ts";
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

/** `matters`: that this node may have the name. Rejects never. */
export async function askForName(
  fleet: Fleet,
  name: Name,
  waiting: Waiting,
  matters: (node: FleetNode) => boolean,
): Promise<ReadonlyMap<FleetNode, NameAnswer>> {
  const answers = await Promise.all(
    fleet.nodes.map(async (node) => {
      const patience = matters(node) ? PATIENCE_MS : IMPATIENCE_MS;
      return [node, await ask(node, name, waiting, patience)] as const;
    }),
  );
  return new Map(answers);
}

async function ask(
  node: FleetNode,
  { kind, text }: Name,
  { signal, deadline }: Waiting,
  patience: number,
): Promise<NameAnswer> {
  if (node.view === undefined) return { kind: "unknown", reason: node.problem };
  try {
    const until = Math.min(deadline, Date.now() + patience);
    const answer = await node.call(FindNames, { kind, names: [text] }, { signal, deadline: until });
    const found = answer.found.find((each) => each.name === text);
    if (found !== undefined) return { kind: "taken", pool: found.pool_uuid };
    return answer.unsure.length === 0 ? { kind: "free" } : { kind: "unsure", pools: answer.unsure };
  } catch (error) {
    return { kind: "unknown", reason: messageOf(error) };
  }
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

/**
 * Names are unique in the cluster. What is made of a source lies in the source's pool, so only that pool's node decides;
 * nodes that do not answer hold nobody up. Throws IncompatibleExistingError where the name is in use elsewhere.
 */
export async function requireFreeElsewhere(
  fleet: Fleet,
  name: Name,
  pool: PoolUuid,
  waiting: Waiting,
): Promise<void> {
  const owner = fleet.ownerOf(pool);
  const answers = await askForName(fleet, name, waiting, () => false);
  const other = takers(answers).find((node) => node !== owner);
  if (other === undefined) return;
  throw new IncompatibleExistingError(
    `the name ${quote(name.text)} is in use on node ${other.name}; what is to be copied is on ${owner.name}`,
  );
}
