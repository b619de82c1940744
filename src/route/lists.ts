/**
 * Lists of all nodes as one. They are in the order of pools (csi/pages.ts), so a page is the pages of a few pools one after
 * the other, and its token is the token of the last of them: whoever has that pool by then takes it.
 */
import { PoolUnavailableError } from "../core/errors.ts";
import { parseId, type PoolUuid } from "../core/ids.ts";
import { MAX_PAGE, poolOfToken, tokenOfPool, type PageRequest } from "../csi/pages.ts";
import { requireCount } from "../csi/validate.ts";
import type { CalledMethod, Waiting } from "./connection.ts";
import type { Fleet, FleetNode } from "./fleet.ts";

export interface ListRequest {
  readonly max_entries: number;
  readonly starting_token: string;
}

export interface ListResponse<Entry> {
  readonly entries: Entry[];
  readonly next_token: string;
}

export interface MergedList<Entry> {
  readonly list: PageRequest["list"];
  readonly method: CalledMethod<ListRequest, ListResponse<Entry>>;
  readonly idOf: (entry: Entry) => string;
  /** Throws where a node lists what is not its own. */
  readonly check: (node: FleetNode, entry: Entry) => void;
}

/**
 * Pools asked side by side: the first alone, which may fill the page, then twice as many each time. What comes too much is
 * thrown away, so it is at most this many pages.
 */
const WIDEST = 16;

interface Part<Entry> {
  readonly entries: readonly Entry[];
  /** Where the pool's list goes on; undefined: it ends here. */
  readonly next: string | undefined;
}

/** Throws PoolUnavailableError where the list would not be whole, StalePageTokenError for a token of another list. */
export async function listAll<Entry>(
  fleet: Fleet,
  merged: MergedList<Entry>,
  request: ListRequest,
  waiting: Waiting,
): Promise<ListResponse<Entry>> {
  const { list } = merged;
  const asked = requireCount("max_entries", request.max_entries);
  const size = asked === 0 ? MAX_PAGE : Math.min(asked, MAX_PAGE);
  const token = request.starting_token;
  const first = token === "" ? undefined : poolOfToken(list, token);
  // In no list that has changed since does a token lose its place: its pool may be gone, the later ones are there.
  const pools = fleet.allPools().filter(({ uuid }) => first === undefined || uuid >= first);
  const startOf = (uuid: PoolUuid): string => (uuid === first ? token : tokenOfPool(list, uuid));
  const entries: Entry[] = [];
  for (let index = 0, width = 1; index < pools.length; index += width, width = Math.min(width * 2, WIDEST)) {
    const window = pools.slice(index, index + width);
    const left = size - entries.length;
    const [next] = window;
    // To ask for none would be to ask for all.
    if (left === 0 && next !== undefined) return { entries, next_token: startOf(next.uuid) };
    const parts = await Promise.all(
      window.map(({ uuid, owner }) =>
        partOf(owner, merged, { uuid, start: startOf(uuid), size: left }, waiting),
      ),
    );
    for (const [offset, part] of parts.entries()) {
      const { uuid, owner } = window[offset] ?? {};
      if (uuid === undefined || owner === undefined) throw new RangeError("more answers than pools");
      const room = size - entries.length;
      // The rest of a part that does not fit is asked for again: its token is not known.
      if (room === 0) return { entries, next_token: startOf(uuid) };
      const fitting =
        part.entries.length <= room
          ? part
          : await partOf(owner, merged, { uuid, start: startOf(uuid), size: room }, waiting);
      entries.push(...fitting.entries);
      if (fitting.next !== undefined) return { entries, next_token: fitting.next };
    }
  }
  return { entries, next_token: "" };
}

/** At most `size` entries of one pool from `start` on. Its node goes on with its next pool, which is left out. */
async function partOf<Entry>(
  owner: FleetNode,
  { method, idOf, check }: MergedList<Entry>,
  { uuid, start, size }: { readonly uuid: PoolUuid; readonly start: string; readonly size: number },
  waiting: Waiting,
): Promise<Part<Entry>> {
  const answer = await owner.call(method, { max_entries: size, starting_token: start }, waiting);
  if (answer.entries.length > size || (answer.next_token !== "" && answer.entries.length === 0))
    throw new PoolUnavailableError(`node ${owner.name} does not list as it was asked to`);
  const end = answer.entries.findIndex((entry) => parseId(idOf(entry))?.pool !== uuid);
  const entries = end === -1 ? answer.entries : answer.entries.slice(0, end);
  for (const entry of entries) check(owner, entry);
  const next = end === -1 && answer.next_token !== "" ? answer.next_token : undefined;
  return { entries, next };
}
