/**
 * Deletes orphans that a person named. Before each, nodes and cluster are looked at afresh, and only what plan/orphan-cleaning.ts
 * lets go by that look is deleted, by the CSI call that csi-provisioner would make.
 */
import type {
  CleanedObject,
  CleaningAnswer,
  CleaningItem,
  CleaningRequest,
} from "../core/cluster-orphans.ts";
import { InvalidRequestError, messageOf } from "../core/errors.ts";
import { MOST_CLEANED } from "../core/cluster-orphans.ts";
import { parseId, type PoolUuid } from "../core/ids.ts";
import type { Log } from "../log.ts";
import { judgeCleaning, type CleaningSight } from "../plan/orphan-cleaning.ts";
import { deleteObject } from "../route/objects.ts";
import type { Api } from "./api.ts";
import { wantedVolumes } from "./claims.ts";
import { lookAtCluster, type LookOptions } from "./cluster-look.ts";
import type { OrphanNotes } from "./orphan-notes.ts";

export interface CleaningOptions extends LookOptions {
  readonly graceMs: number;
  /** Between two looks of the controller that leads. */
  readonly everyMs: number;
  readonly notes: Pick<OrphanNotes, "read">;
  /** Told of each that was to be deleted. */
  readonly cleaned: (kind: CleanedObject["kind"], outcome: "deleted" | "failed") => void;
  readonly log: Log;
}

const DELETED_MS = 60_000;

export type OrphanCleaner = (request: CleaningRequest) => Promise<CleaningAnswer>;

/** One request at a time. Rejects where nodes or API server do not answer as a whole before the first is deleted. */
export function orphanCleaner(api: Pick<Api, "core" | "custom">, options: CleaningOptions): OrphanCleaner {
  let before: Promise<unknown> = Promise.resolve();
  return (request) => {
    const answer = before.then(() => clean(api, options, request));
    before = answer.catch(() => undefined);
    return answer;
  };
}

async function clean(
  api: Pick<Api, "core" | "custom">,
  options: CleaningOptions,
  { ids, apply }: CleaningRequest,
): Promise<CleaningAnswer> {
  if (apply && ids.length === 0) throw new InvalidRequestError("id", "is missing: what to delete is named");
  if (ids.length > MOST_CLEANED)
    throw new InvalidRequestError("id", `at most ${MOST_CLEANED} are deleted in one go`);
  const sight = await see(api, options);
  const asked = ids.length === 0 ? sight.list.orphans.map(({ name }) => name) : ids;
  const items: CleaningItem[] = [];
  for (const id of new Set(asked)) {
    const item = judged(id, sight);
    items.push(apply && item.outcome === "deletable" ? await cleanOne(api, options, item) : item);
  }
  return { apply, items };
}

/** All that a verdict is about. Rejects where any of it is not whole. */
async function see(
  api: Pick<Api, "core" | "custom">,
  options: CleaningOptions,
  only?: PoolUuid,
): Promise<CleaningSight> {
  const { clusterUid, graceMs, everyMs, notes, now = Date.now } = options;
  const memory = await notes.read();
  // Claims before PersistentVolumes: one that gets its volume meanwhile is in one of the lists.
  const claims = await wantedVolumes(api);
  const look = await lookAtCluster(api, options, only);
  return { ...look, clusterUid, claims, memory, graceMs, everyMs, now: now() };
}

function judged(id: string, sight: CleaningSight): CleaningItem {
  const verdict = judgeCleaning(id, sight);
  return verdict.kind === "clean"
    ? { id, outcome: "deletable", object: verdict.object }
    : { id, outcome: "refused", why: verdict.why };
}

async function cleanOne(
  api: Pick<Api, "core" | "custom">,
  options: CleaningOptions,
  { id }: CleaningItem,
): Promise<CleaningItem> {
  const parsed = parseId(id);
  if (parsed === undefined || parsed.kind === "group") throw new RangeError(`judged to be deletable: ${id}`);
  const { cleaned, log } = options;
  let item: CleaningItem;
  try {
    // What was seen before those before it were deleted is no reason any more.
    item = judged(id, await see(api, options, parsed.pool));
  } catch (error) {
    return {
      id,
      outcome: "refused",
      why: `nodes or cluster could not be looked at again: ${messageOf(error)}`,
    };
  }
  const { object } = item;
  if (object === undefined) return item;
  const owners = (options.nodes() ?? []).filter(({ view }) =>
    view?.pools.some(({ uuid }) => uuid === parsed.pool),
  );
  const [owner, ...others] = owners;
  if (owner?.name !== object.node || others.length > 0)
    return {
      id,
      outcome: "refused",
      why: `its pool is not at node ${object.node} alone any more; ask again`,
    };
  const facts = { ...object, id, size: String(object.size) };
  log.warn(facts, "deletes an orphan, as a person asked");
  try {
    const waiting = { signal: AbortSignal.timeout(DELETED_MS), deadline: Date.now() + DELETED_MS };
    await deleteObject(owner, parsed, waiting);
    cleaned(object.kind, "deleted");
    log.warn(facts, "deleted an orphan");
    return { id, outcome: "deleted", object };
  } catch (error) {
    const why = messageOf(error);
    cleaned(object.kind, "failed");
    log.warn({ ...facts, problem: why }, "an orphan could not be deleted");
    return { id, outcome: "failed", object, why };
  }
}
