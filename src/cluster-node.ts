/** A node's place in its cluster: the port on which controllers find it. Mounts need none of it. */
import type { ClusterOptions } from "./config.ts";
import { messageOf } from "./core/errors.ts";
import type { PoolReport } from "./core/pool-report.ts";
import type { UnaryOptions } from "./csi/unary.ts";
import { followIdentity } from "./identity-files.ts";
import { pause } from "./host/pause.ts";
import type { Log } from "./log.ts";
import { Identity, nodeUri, onlyControllers } from "./route/identity.ts";
import { listenOn, type PortServer } from "./route/listen.ts";
import { nodeServices, type NodeParts } from "./route/node-services.ts";
import { keepRenewed } from "./route/renewal.ts";
import { StateFeed, type NodeVersions } from "./route/node-state.ts";

export interface ClusterNodeOptions extends Omit<NodeParts, "feed">, Pick<UnaryOptions, "onAnswered"> {
  readonly cluster: ClusterOptions;
  readonly report: () => Promise<readonly PoolReport[]>;
  /** Asked once; undefined where it cannot be known. */
  readonly versions?: () => Promise<NodeVersions | undefined>;
  readonly log: Log;
}

export interface ClusterNode {
  /** Something that controllers are told of may have changed. */
  poke(): void;
  /** A call of this method has been answered on another socket. */
  answered(method: string): void;
  /** As `CsiServer.drain`. */
  drain: PortServer["drain"];
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** Serves from then on. An address that cannot be had is tried again and again: volumes are there all the same. */
export function joinCluster({
  cluster,
  report,
  versions,
  log,
  onAnswered,
  ...parts
}: ClusterNodeOptions): ClusterNode {
  const { name } = parts.driver.node;
  const identity = new Identity();
  const unfollow = keepIdentity(cluster, nodeUri(name), identity, log);
  let known: NodeVersions | undefined;
  const feed = new StateFeed({ driver: parts.driver, report, versions: () => known });
  void versions?.().then((found) => {
    known = found;
    feed.poke();
  });
  const services = nodeServices(
    { ...parts, feed },
    {
      log,
      onAnswered: (...call) => {
        feed.answered(call[0]);
        onAnswered?.(...call);
      },
    },
  );
  const end = new AbortController();
  const listening = untilListening();
  return {
    poke: () => feed.poke(),
    answered: (method) => feed.answered(method),
    drain: async (options) => {
      end.abort();
      unfollow();
      feed.close();
      return (await (await listening)?.drain(options)) ?? true;
    },
  };

  async function untilListening(): Promise<PortServer | undefined> {
    const { host, port } = cluster.listen;
    for (let delay = FIRST_PAUSE_MS; !end.signal.aborted; delay = Math.min(delay * 2, LONGEST_PAUSE_MS)) {
      try {
        const server = await listenOn(cluster.listen, services, identity.serving(), [onlyControllers]);
        log.info({ host, port: server.port }, "listening for controllers");
        return server;
      } catch (error) {
        log.error({ host, port, problem: messageOf(error) }, "controllers cannot reach this node");
        await pause(delay, end.signal);
      }
    }
    return undefined;
  }
}

function keepIdentity(
  { identity: directory, enrol: how }: ClusterOptions,
  uri: string,
  identity: Identity,
  log: Log,
): () => void {
  if (directory !== undefined) return followIdentity(directory, uri, identity, log);
  if (how === undefined) throw new RangeError("a cluster without a way to an identity");
  // What makes requests is loaded only where they are made.
  const renew = async () => (await import("./route/enrol.ts")).enrol(how);
  return keepRenewed({ identity, uri, log, renew });
}
