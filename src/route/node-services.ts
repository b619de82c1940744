/** What a node serves to controllers: CSI but for mounts, and how it is. Every caller must be a controller. */
import { status, type ServerWritableStream, type UntypedHandleCall } from "@grpc/grpc-js";
import { InvalidRequestError } from "../core/errors.ts";
import { lockKey } from "../core/lock-keys.ts";
import type { Operations } from "../core/operations.ts";
import { requireOpened, type Driver } from "../csi/driver.ts";
import type { Service } from "../csi/server.ts";
import { routedServices, serviceOf } from "../csi/services.ts";
import type { UnaryOptions } from "../csi/unary.ts";
import type {
  FindNamesRequest__Output,
  FindNamesResponse,
  FindNamesResponse_UnsurePool,
  FollowRequest__Output,
  ListObjectsRequest__Output,
  NodeState,
} from "../generated/dmthin.ts";
import { loadNodeLink, MOST_NAMES } from "./contract.ts";
import { listObjects } from "./node-objects.ts";
import type { StateFeed } from "./node-state.ts";

export interface NodeParts {
  readonly driver: Driver;
  /** Of all pools of the node. */
  readonly operations: Pick<Operations, "holds">;
  readonly feed: StateFeed;
  /** Told of the UID of the cluster whose controller follows. */
  readonly followedFor?: (clusterUid: string) => void;
}

/** Reports that a controller has not taken yet; one that is so far behind may come again. */
const MOST_UNREAD = 32;

export function nodeServices(
  { driver, operations, feed, followedFor }: NodeParts,
  options: UnaryOptions,
): readonly Service[] {
  const marked = { ...options, answeredBy: driver.node.name };
  const handlers = {
    FindNames: async (request: FindNamesRequest__Output) => findNames(driver, operations, request),
    ListObjects: async (request: ListObjectsRequest__Output) => listObjects(driver, request),
  };
  const link = serviceOf(loadNodeLink(), handlers, marked);
  const follow: UntypedHandleCall = (call: ServerWritableStream<FollowRequest__Output, NodeState>) => {
    const { cluster_uid: uid } = call.request;
    if (uid) followedFor?.(uid);
    follower(feed, call);
  };
  return [
    ...routedServices(driver, marked),
    { ...link, implementation: { ...link.implementation, Follow: follow } },
  ];
}

function follower(feed: StateFeed, call: ServerWritableStream<object, NodeState>): void {
  const leave = feed.listen({
    tell: (state) => {
      if (call.writableLength < MOST_UNREAD) call.write(state);
      // So grpc-js has it; a stream that is destroyed ends without a word to the other end.
      else call.emit("error", Object.assign(new Error("reports are not read"), { code: status.ABORTED }));
    },
    end: () => call.end(),
  });
  call.on("cancelled", leave).on("close", leave).on("error", leave);
}

/**
 * From memory. A name counts as taken from the moment that an operation holds it: from then on a volume may come of it,
 * whatever becomes of the call.
 */
function findNames(
  driver: Driver,
  operations: Pick<Operations, "holds">,
  { kind, names }: FindNamesRequest__Output,
): FindNamesResponse {
  if (names.length > MOST_NAMES) throw new InvalidRequestError("names", `are more than ${MOST_NAMES}`);
  const set = requireOpened(driver);
  const { pools } = set;
  const lookup = LOOKUPS[kind];
  if (lookup === undefined) throw new InvalidRequestError("kind", "is none that this version knows");
  const found = names.flatMap((name) => {
    const pool = pools.find((each) => lookup.has(each, name));
    if (pool !== undefined) return [{ name, pool_uuid: pool.uuid }];
    return operations.holds(lookup.key(name)) ? [{ name, pool_uuid: "" }] : [];
  });
  return { found, unsure: unsurePools(set) };
}

/** As the driver has them. */
type Pools = ReturnType<typeof requireOpened>;

/** What a pool holds is not known while it is not open, its catalog may be an old copy, or one of its writes was lost. */
function unsurePools({ pools, absent, default: usual }: Pools): FindNamesResponse_UnsurePool[] {
  const doubtful = pools.flatMap(({ name, condition }) =>
    condition.kind === "ready"
      ? []
      : [
          {
            name,
            may_be_default: name === usual?.name,
            reason: `the catalog of pool ${name} may not be as it was: ${condition.reason}`,
          },
        ],
  );
  const closed = absent.map(({ name, reason }) => ({
    name,
    may_be_default: usual === undefined,
    reason: `pool ${name} is not open: ${reason}`,
  }));
  return [...doubtful, ...closed];
}

interface Lookup {
  readonly has: (pool: Pools["pools"][number], name: string) => boolean;
  readonly key: (name: string) => string;
}

const LOOKUPS: Partial<Record<FindNamesRequest__Output["kind"], Lookup>> = {
  VOLUME: { has: (pool, name) => pool.volumeByName(name) !== undefined, key: lockKey.volumeName },
  SNAPSHOT: { has: (pool, name) => pool.snapshotByName(name) !== undefined, key: lockKey.snapshotName },
  GROUP_SNAPSHOT: { has: (pool, name) => pool.groupByName(name) !== undefined, key: lockKey.groupName },
};
