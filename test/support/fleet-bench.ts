/**
 * A router on a real socket, and nodes that it reaches by real gRPC over TCP. The nodes serve the real CSI services over
 * pools in memory: a SIMULATION of nodes, good for routing and for nothing that a pool does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, ServerCredentials } from "@grpc/grpc-js";
import { Operations } from "../../src/core/operations.ts";
import { topologyValue } from "../../src/core/topology.ts";
import { DamageNotes } from "../../src/csi/damage.ts";
import { listen } from "../../src/csi/server.ts";
import type { Log } from "../../src/log.ts";
import type { PoolSet } from "../../src/pool/engine.ts";
import { Fleet } from "../../src/route/fleet.ts";
import { listenOn } from "../../src/route/listen.ts";
import { nodeServices } from "../../src/route/node-services.ts";
import { StateFeed, type StateTimes } from "../../src/route/node-state.ts";
import type { RosterNode } from "../../src/route/roster.ts";
import { routerServices } from "../../src/route/router.ts";
import { connectCsi, type CsiClient } from "./csi-client.ts";
import { wireTo, type CutWire } from "./cut-wire.ts";
import { MemoryMounts } from "./memory-mounts.ts";
import { MemoryPool, memoryPools } from "./memory-pool.ts";
import { recordingLog, type LoggedLine } from "./recording-log.ts";

export interface SimulatedNode {
  readonly name: string;
  readonly pool: MemoryPool;
  readonly wire: CutWire;
  /** Without the wire. */
  readonly port: number;
  readonly feed: StateFeed;
  readonly operations: Operations;
  /** How many calls it has answered, by method. */
  readonly answered: ReadonlyMap<string, number>;
  /** What it has open; `pokes` the reports when set. */
  pools: PoolSet | undefined;
  stop(): Promise<void>;
}

const QUICK = { heartbeatMs: 1000, settleMs: 5, reportMs: 60_000 };

/** `pool`: the first hex digit of its pool's UUID, which is called `fast`. */
export async function startNode(
  name: string,
  pool: string | MemoryPool,
  times: StateTimes = QUICK,
  damage: DamageNotes = new DamageNotes(),
): Promise<SimulatedNode> {
  const memory = typeof pool === "string" ? new MemoryPool("fast", pool) : pool;
  const { log } = recordingLog();
  const operations = new Operations();
  let pools: PoolSet | undefined = memoryPools([memory]);
  const driver = {
    version: "1.2.3",
    node: { name, topology: topologyValue(name), maxVolumes: 0 },
    mounts: new MemoryMounts(),
    pools: () => pools,
    damage,
  };
  const feed = new StateFeed({ driver, report: async () => [] }, times);
  const answered = new Map<string, number>();
  const onAnswered = (method: string): void => {
    answered.set(method, (answered.get(method) ?? 0) + 1);
    feed.answered(method);
  };
  const server = await listenOn(
    { host: "127.0.0.1", port: 0 },
    nodeServices({ driver, operations, feed }, { log, onAnswered }),
    ServerCredentials.createInsecure(),
  );
  const wire = await wireTo(server.port);
  return {
    name,
    pool: memory,
    wire,
    port: server.port,
    feed,
    operations,
    answered,
    get pools() {
      return pools;
    },
    set pools(now) {
      pools = now;
      feed.poke();
    },
    stop: async () => {
      feed.close();
      await wire.close();
      await server.drain({ idle: () => Promise.resolve(), withinMs: 100 });
    },
  };
}

export interface RouterBench {
  readonly client: CsiClient;
  readonly fleet: Fleet;
  readonly lines: readonly LoggedLine[];
  stop(): Promise<void>;
}

/** `recording`: where its log goes. */
export async function startRouter(
  roster: readonly RosterNode[],
  recording: { readonly log: Log; readonly lines: readonly LoggedLine[] } = recordingLog(),
): Promise<RouterBench> {
  const directory = mkdtempSync(join(tmpdir(), "router-"));
  const { log, lines } = recording;
  const fleet = new Fleet({ credentialsFor: () => credentials.createInsecure(), log });
  fleet.follow(roster);
  const server = await listen(join(directory, "csi.sock"), routerServices(fleet, "1.2.3", { log }));
  const client = connectCsi(server.path);
  return {
    client,
    fleet,
    lines,
    stop: async () => {
      client.close();
      fleet.close();
      await server.drain({ idle: () => Promise.resolve(), withinMs: 1000 });
      rmSync(directory, { recursive: true });
    },
  };
}

export const rosterOf = (nodes: readonly SimulatedNode[]): readonly RosterNode[] =>
  nodes.map(({ name, wire }) => ({ name, address: wire.address }));

/** Until all of the roster are there. */
export const untilConnected = ({ fleet }: Pick<RouterBench, "fleet">): Promise<void> =>
  until(() => fleet.nodes.every(({ view }) => view !== undefined));

export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error("it never came to be");
    await sleep(5);
  }
}
