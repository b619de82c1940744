/** What a node serves to controllers: CSI but for mounts, and how it is. Every caller must be a controller. */
import { status, type ServerWritableStream, type UntypedHandleCall } from "@grpc/grpc-js";
import type { Operations } from "../core/operations.ts";
import type { Driver } from "../csi/driver.ts";
import type { Service } from "../csi/server.ts";
import { routedServices, serviceOf } from "../csi/services.ts";
import type { UnaryOptions } from "../csi/unary.ts";
import type {
  FindNamesRequest__Output,
  FollowRequest__Output,
  ListObjectsRequest__Output,
  NodeState,
} from "../generated/dmthin.ts";
import { loadNodeLink, NAME_TOKEN } from "./contract.ts";
import { NodeNames } from "./node-names.ts";
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
  const names = new NodeNames(driver, operations);
  const marked: UnaryOptions = {
    ...options,
    answeredBy: driver.node.name,
    admit: (method, request, metadata) => {
      const [token] = metadata.get(NAME_TOKEN);
      names.admit(method, request, token?.toString());
    },
  };
  const handlers = {
    FindNames: async (request: FindNamesRequest__Output) => names.find(request),
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
