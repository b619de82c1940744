/**
 * The router at scale, by simulation: nodes of this process (test/support/fleet-bench.ts), reached by real gRPC over TCP.
 * `node bench/router.ts [NODES [VOLUMES]]`, 1000 and 100000 unless given: prints what it takes for a tenth of the nodes and
 * for all of them, as JSON rows `{id, value, unit}`. What must stay flat is a row's value between the two.
 */
import { volumeId, objectKey, isPoolUuid, TOPOLOGY_KEY } from "../src/core/ids.ts";
import { bytes } from "../src/core/units.ts";
import { STATE_TIMES } from "../src/route/node-state.ts";
import { startNode, startRouter, untilConnected, type RouterBench } from "../test/support/fleet-bench.ts";
import { MemoryPool } from "../test/support/memory-pool.ts";
import { volumeRecord } from "../test/support/records.ts";
import { createVolumeRequest } from "../test/support/requests.ts";

interface Row {
  readonly id: string;
  readonly value: number;
  readonly unit: "ms" | "MB";
}

const [nodes = 1000, volumes = 100_000] = process.argv.slice(2).map(Number);
const CALLS = 200;
/** Each asks all nodes for the name. */
const CREATES = 20;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

function poolOf(index: number, count: number): MemoryPool {
  const pool = new MemoryPool("fast", hex(index + 1, 32));
  if (!isPoolUuid(pool.uuid)) throw new RangeError(pool.uuid);
  for (let each = 0; each < count; each += 1) {
    const id = volumeId(pool.uuid, objectKey(hex(each + 1, 20)));
    pool.putVolume(volumeRecord(each, { id, name: `pvc-${index}-${each}`, size: bytes(2n ** 30n) }));
  }
  return pool;
}

/** The middle of many. */
async function median(call: (index: number) => Promise<unknown>, calls = CALLS): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    const started = performance.now();
    await call(index);
    times.push(performance.now() - started);
  }
  return times.toSorted((one, other) => one - other)[calls / 2] ?? NaN;
}

async function wholeList({ client }: RouterBench): Promise<number> {
  let count = 0;
  let token = "";
  do {
    const page = await client.controller.listVolumes({ starting_token: token });
    count += page.entries.length;
    token = page.next_token;
  } while (token !== "");
  return count;
}

async function measure(count: number): Promise<readonly Row[]> {
  const each = volumes / nodes;
  const all = await Promise.all(
    Array.from({ length: count }, (_, index) => startNode(`node-${index}`, poolOf(index, each), STATE_TIMES)),
  );
  const topology = (index: number) => ({ segments: { [TOPOLOGY_KEY]: `node-${index % count}` } });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const router = await startRouter(all.map(({ name, port }) => ({ name, address: `127.0.0.1:${port}` })));
  await untilConnected(router);
  const connected = performance.now() - started;
  const { controller } = router.client;
  const id = (index: number): string =>
    volumeId(all[index % count]?.pool.uuid ?? poolOf(0, 0).uuid, objectKey(hex(1, 20)));
  const get = await median((index) => controller.controllerGetVolume({ volume_id: id(index) }));
  const capacity = await median((index) => controller.getCapacity({ accessible_topology: topology(index) }));
  const total = await median(() => controller.getCapacity({}));
  const create = await median((index) => {
    const there = topology(index);
    const request = createVolumeRequest({
      name: `new-${index}`,
      accessibility_requirements: { requisite: [there], preferred: [there] },
    });
    return controller.createVolume(request);
  }, CREATES);
  const page = await median(() => controller.listVolumes({ max_entries: 100 }));
  const listed = performance.now();
  const found = await wholeList(router);
  const list = performance.now() - listed;
  globalThis.gc?.();
  const memory = process.memoryUsage().rss - before;
  await router.stop();
  await Promise.all(all.map((node) => node.stop()));
  const row = (what: string, value: number, unit: Row["unit"] = "ms"): Row => ({
    id: `router.${what}.${count}-nodes`,
    value: Math.round(value * 100) / 100,
    unit,
  });
  return [
    row("connect-all", connected),
    row("get-volume", get),
    row("capacity-of-a-node", capacity),
    row("capacity-of-all", total),
    row("create-volume", create),
    row("list-page-of-100", page),
    row(`list-all-${found}-volumes`, list),
    row("memory-of-both-ends", memory / 1e6, "MB"),
  ];
}

for (const count of [nodes / 10, nodes]) {
  for (const row of await measure(count)) console.log(JSON.stringify(row));
}
process.exit(0);
