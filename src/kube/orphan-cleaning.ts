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
import { EnvironmentError, InvalidRequestError, messageOf, OutcomeUnknownError } from "../core/errors.ts";
import { MOST_CLEANED, MOST_JUDGED } from "../core/cluster-orphans.ts";
import { parseId, type PoolUuid } from "../core/ids.ts";
import type { Log } from "../log.ts";
import { cleaningJudge, type CleaningJudge, type CleaningSight } from "../plan/orphan-cleaning.ts";
import { deleteObject } from "../route/objects.ts";
import type { Api } from "./api.ts";
import { wantedVolumes } from "./claims.ts";
import { lookAtCluster, type LookOptions } from "./cluster-look.ts";
import type { OrphanNotes } from "./orphan-notes.ts";
import { wantedSnapshots } from "./volume-snapshots.ts";

export interface CleaningOptions extends LookOptions {
  readonly graceMs: number;
  /** Between two looks of the controller that leads. */
  readonly everyMs: number;
  readonly notes: Pick<OrphanNotes, "read">;
  /** Told of each that was to be deleted. */
  readonly cleaned: (kind: CleanedObject["kind"], outcome: "deleted" | "failed") => void;
  readonly log: Log;
  /** How long each deletion is waited for; a minute unless given. */
  readonly deletionMs?: number;
}

const DELETION_MS = 60_000;

/** None is deleted any more once `gone` is aborted; what is under way then goes on to its end. */
export type OrphanCleaner = (request: CleaningRequest, gone: AbortSignal) => Promise<CleaningAnswer>;

/**
 * Rejects where nodes or API server do not answer as a whole before the first is deleted; with EnvironmentError while another
 * request is under way: each of them lists all that there is, and who waits in a row does not know what for.
 */
export function orphanCleaner(api: Pick<Api, "core" | "custom">, options: CleaningOptions): OrphanCleaner {
  let isBusy = false;
  return async (request, gone) => {
    if (isBusy)
      throw new EnvironmentError(
        "this controller is at another cleaning of orphans; ask again when that is over. One whose command was interrupted ends after the deletion that is under way",
      );
    isBusy = true;
    try {
      return await clean(api, options, request, gone);
    } finally {
      isBusy = false;
    }
  };
}

async function clean(
  api: Pick<Api, "core" | "custom">,
  options: CleaningOptions,
  { ids, apply }: CleaningRequest,
  gone: AbortSignal,
): Promise<CleaningAnswer> {
  if (apply && ids.length === 0) throw new InvalidRequestError("id", "is missing: what to delete is named");
  if (ids.length > MOST_CLEANED)
    throw new InvalidRequestError("id", `at most ${MOST_CLEANED} are deleted in one go`);
  const sight = await see(api, options);
  const all = [...new Set(ids.length === 0 ? sight.list.orphans.map(({ name }) => name) : ids)];
  const asked = all.slice(0, MOST_JUDGED);
  const judge = cleaningJudge(sight);
  const items: CleaningItem[] = [];
  for (const id of asked) {
    const item = judged(id, judge);
    items.push(apply && item.outcome === "deletable" ? await cleanOne(api, options, item, gone) : item);
  }
  const left = all.length - asked.length;
  return { apply, items, ...(left === 0 ? {} : { left }) };
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
  // VolumeSnapshots before contents, likewise.
  const snapshots = await wantedSnapshots(api);
  const look = await lookAtCluster(api, options, only);
  return { ...look, clusterUid, claims, snapshots, memory, graceMs, everyMs, now: now() };
}

function judged(id: string, judge: CleaningJudge): CleaningItem {
  const verdict = judge(id);
  return verdict.kind === "clean"
    ? { id, outcome: "deletable", object: verdict.object }
    : { id, outcome: "refused", why: verdict.why };
}

async function cleanOne(
  api: Pick<Api, "core" | "custom">,
  options: CleaningOptions,
  { id }: CleaningItem,
  gone: AbortSignal,
): Promise<CleaningItem> {
  if (gone.aborted) return notBegun(id, options);
  const parsed = parseId(id);
  if (parsed === undefined || parsed.kind === "group") throw new RangeError(`judged to be deletable: ${id}`);
  const { cleaned, log, deletionMs = DELETION_MS } = options;
  let item: CleaningItem;
  try {
    // What was seen before those before it were deleted is no reason any more.
    item = judged(id, cleaningJudge(await see(api, options, parsed.pool)));
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
  if (gone.aborted) return notBegun(id, options);
  const facts = { ...object, id, size: String(object.size) };
  log.warn(facts, "deletes an orphan, as a person asked");
  try {
    const waiting = { signal: AbortSignal.timeout(deletionMs), deadline: Date.now() + deletionMs };
    await deleteObject(owner, parsed, waiting);
    cleaned(object.kind, "deleted");
    log.warn(facts, "deleted an orphan");
    return { id, outcome: "deleted", object };
  } catch (error) {
    const may =
      error instanceof OutcomeUnknownError
        ? "; it may still be deleted, or be gone already: look at the list again"
        : "";
    const why = `${messageOf(error)}${may}`;
    cleaned(object.kind, "failed");
    log.warn({ ...facts, problem: why }, "an orphan could not be deleted");
    return { id, outcome: "failed", object, why };
  }
}

/** Nobody reads this answer any more; the log is read. */
function notBegun(id: string, { log }: CleaningOptions): CleaningItem {
  const why = "the command was interrupted before this one";
  log.warn({ id, why }, "an orphan is not deleted");
  return { id, outcome: "refused", why };
}
