/**
 * What a router costs with so many nodes: one column of the table. `measure.ts NODES VOLUMES`, volumes of each: prints it as
 * JSON. A process of its own for each column: memory is not of the one before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { GIB } from "../../src/core/units.ts";
import type { CreateVolumeRequest } from "../../src/generated/csi.ts";
import { planThinPools, THIN_POOL_TIMES } from "../../src/plan/thin-pools.ts";
import { startRouter, until, untilConnected, type RouterBench } from "../../test/support/fleet-bench.ts";
import { nodeSight, openSight } from "../../test/support/node-sights.ts";
import { createVolumeRequest } from "../../test/support/requests.ts";
import { median } from "../model/statistics.ts";
import { startNodes, type Nodes } from "./nodes.ts";
import { poolUuidOf, volumeIdOf } from "./simulated.ts";

/** Times in milliseconds, memory in MiB, of the router and its caller; nodes are in another process. */
export interface Figures {
  readonly nodes: number;
  readonly volumes: number;
  readonly connect: number;
  readonly getVolume: number;
  readonly capacityOfNode: number;
  readonly capacityOfAll: number;
  readonly create: number;
  /** Questions for names to all nodes together, for one volume. */
  readonly createQuestions: number;
  /** Computing of the router and its caller, for one volume. */
  readonly createCpu: number;
  /** A hundred at once: from the first call to the last answer. */
  readonly createHundred: number;
  readonly createHundredQuestions: number;
  readonly createHundredCpu: number;
  /** By how much the highest that was ever resident grew, while a hundred were made at once four times. */
  readonly createHundredMemory: number;
  readonly listPage: number;
  /** Of the last page that there is. */
  readonly listLastPage: number;
  readonly listAll: number;
  /** From a change on every node until the router knows them all, the 100 ms included that a node waits for more. */
  readonly reportAll: number;
  readonly reportCpu: number;
  /** To find out which ThinPools have to be written, where none has: once a second, and there is one for each node. */
  readonly thinPools: number;
  /** Resident, more than without nodes. */
  readonly memory: number;
  /** Heap in use, more than without nodes: at first, and after all of the above and more reports. */
  readonly heap: number;
  readonly heapAfter: number;
}

const CALLS = 200;
const CREATES = 20;
const AT_ONCE = 100;
/** The first is a warm-up. */
const HUNDREDS = 4;
const REPORTS = 5;
/** In which reports of all nodes come; a router that is asked meanwhile whether they have come computes more for that. */
const LOOK_MS = 2000;
const MIB = 2 ** 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

const timed = async (call: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await call();
  return performance.now() - started;
};

async function timesOf(calls: number, call: (index: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < calls; index += 1) times.push(await timed(() => call(index)));
  return times;
}

/** Milliseconds that this process has computed. */
const computing = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const highestMemory = (): number => process.resourceUsage().maxRSS / 1024;

function memoryNow(): { readonly rss: number; readonly heap: number } {
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: rss / MIB, heap: heapUsed / MIB };
}

/** `all`: volumes on all nodes. */
async function measure(nodes: Nodes, all: number): Promise<Figures> {
  const { count } = nodes;
  const before = memoryNow();
  const started = performance.now();
  const router = await startRouter(nodes.roster, { log: quiet, lines: [] });
  await untilConnected(router);
  const connect = performance.now() - started;
  const connected = memoryNow();
  const { controller } = router.client;
  const topology = (index: number) => ({ segments: { [TOPOLOGY_KEY]: `node-${index % count}` } });
  const middle = async (call: (index: number) => Promise<unknown>) => median(await timesOf(CALLS, call));
  const getVolume = await middle((index) =>
    controller.controllerGetVolume({ volume_id: volumeIdOf(index % count, 0) }),
  );
  const capacityOfNode = await middle((index) =>
    controller.getCapacity({ accessible_topology: topology(index) }),
  );
  const capacityOfAll = await middle(() => controller.getCapacity({}));
  const { lists, lastToken } = await listAll(router);
  const listPage = await middle(() => controller.listVolumes({ max_entries: 100 }));
  const listLastPage = await middle(() =>
    controller.listVolumes({ max_entries: 100, starting_token: lastToken }),
  );
  const creating = await measureCreates(nodes, router, topology);
  const reporting = await measureReports(nodes, router);
  const after = memoryNow();
  await router.stop();
  return {
    nodes: count,
    volumes: all,
    connect,
    getVolume,
    capacityOfNode,
    capacityOfAll,
    ...creating,
    listPage,
    listLastPage,
    listAll: lists,
    ...reporting,
    memory: connected.rss - before.rss,
    heap: connected.heap - before.heap,
    heapAfter: after.heap - before.heap,
  };
}

async function listAll({ client }: RouterBench): Promise<{ lists: number; lastToken: string }> {
  const started = performance.now();
  let lastToken = "";
  for (let token = "", more = true; more;) {
    const page = await client.controller.listVolumes({ starting_token: token });
    lastToken = token;
    token = page.next_token;
    more = token !== "";
  }
  return { lists: performance.now() - started, lastToken };
}

async function measureCreates(
  nodes: Nodes,
  { client }: RouterBench,
  topology: (index: number) => { readonly segments: Record<string, string> },
) {
  const { controller } = client;
  const volume = (name: string, index: number): CreateVolumeRequest => {
    const there = topology(index);
    return createVolumeRequest({
      name,
      accessibility_requirements: { requisite: [there], preferred: [there] },
    });
  };
  const one = (index: number) => controller.createVolume(volume(`new-${index}`, index));
  await timesOf(2, (index) => one(CREATES + index));
  const asked = await nodes.questions();
  const cpu = computing();
  const create = median(await timesOf(CREATES, one));
  const createCpu = (computing() - cpu) / CREATES;
  const createQuestions = ((await nodes.questions()) - asked) / CREATES;
  const highest = highestMemory();
  const rounds: { ms: number; cpu: number; questions: number }[] = [];
  for (let round = 0; round < HUNDREDS; round += 1) {
    const questions = await nodes.questions();
    const computed = computing();
    const ms = await timed(() =>
      Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) =>
          controller.createVolume(volume(`many-${round}-${index}`, index * 7)),
        ),
      ),
    );
    rounds.push({
      ms,
      cpu: computing() - computed,
      questions: (await nodes.questions()) - questions,
    });
  }
  const [, ...counted] = rounds;
  const middle = (what: "ms" | "cpu" | "questions") => median(counted.map((each) => each[what]));
  return {
    create,
    createQuestions,
    createCpu,
    createHundred: middle("ms"),
    createHundredCpu: middle("cpu"),
    createHundredQuestions: middle("questions"),
    createHundredMemory: highestMemory() - highest,
  };
}

async function measureReports(nodes: Nodes, { fleet }: RouterBench) {
  const known = (room: bigint): boolean =>
    fleet.nodes.every(({ view }) => view?.pools[0]?.capacity.maximumVolume === room);
  const times = await timesOf(REPORTS, async (index) => {
    const room = BigInt(index + 1) * GIB;
    await nodes.report(room);
    await until(() => known(room));
  });
  const during = async (work: () => Promise<void>): Promise<number> => {
    const cpu = computing();
    await work();
    await sleep(LOOK_MS);
    return computing() - cpu;
  };
  const costs: number[] = [];
  for (let index = 0; index < REPORTS; index += 1) {
    const nothing = await during(async () => undefined);
    const room = BigInt(index + 1) * GIB;
    const reports = await during(() => nodes.report(room));
    if (!known(room)) throw new Error(`not all reports came within ${LOOK_MS} ms`);
    costs.push((reports - nothing) / nodes.count);
  }
  return {
    reportAll: median(times),
    reportCpu: median(costs),
    thinPools: await lookAtThinPools(nodes.count),
  };
}

/** Simulated nodes tell no figures, without which there is no ThinPool. So these nodes are others. */
async function lookAtThinPools(count: number): Promise<number> {
  const nodes = Array.from({ length: count }, (_, index) =>
    nodeSight(`node-${index}`, [openSight("fast", poolUuidOf(index))]),
  );
  const sight = { nodes, missingSince: new Map<string, number>(), now: Date.now() };
  const existing = planThinPools({ ...sight, existing: [] }, THIN_POOL_TIMES).flatMap((write) =>
    write.kind === "delete"
      ? []
      : [{ name: write.name, resourceVersion: "1", spec: write.spec, status: write.status }],
  );
  if (existing.length !== nodes.length) throw new Error("a node has no ThinPool");
  return median(
    await timesOf(CREATES, async () => {
      const writes = planThinPools({ ...sight, existing }, THIN_POOL_TIMES);
      if (writes.length > 0) throw new Error("a ThinPool that was just written is to be written");
    }),
  );
}

if (import.meta.main) {
  const [count = 0, each = 0] = process.argv.slice(2).map(Number);
  const nodes = await startNodes(count, each);
  const figures = await measure(nodes, count * each);
  await nodes.stop();
  console.log(JSON.stringify(figures));
  process.exit(0);
}
