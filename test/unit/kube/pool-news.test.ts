import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DamagedVolumeError } from "../../../src/core/errors.ts";
import { objectKey, volumeId, type VolumeId } from "../../../src/core/ids.ts";
import { DamageNotes } from "../../../src/csi/damage.ts";
import { PoolNews } from "../../../src/kube/pool-news.ts";
import { MOST_LOOKUPS } from "../../../src/plan/event-limits.ts";
import { planThinPools, THIN_POOL_TIMES } from "../../../src/plan/thin-pools.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { nodeSight, openSight } from "../../support/node-sights.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { volumeRecord } from "../../support/records.ts";
import { answerWith, startSmallApi, type SmallApi } from "../../support/small-api.ts";

let node: SimulatedNode;
let router: RouterBench;
let small: SmallApi;
let news: PoolNews;
let damage: DamageNotes;
let code: number;
beforeEach(async () => {
  code = 404;
  damage = new DamageNotes(() => node.feed.poke());
  node = await startNode("node-a", "a", undefined, damage);
  router = await startRouter(rosterOf([node]));
  await untilConnected(router);
  small = await startSmallApi((_request, response) => answerWith(response, code, { items: [] }));
  // Only those of the looks: sockets go on.
  vi.useFakeTimers({ toFake: ["setInterval"] });
  news = new PoolNews(small.api, {
    nodes: () => router.fleet.nodes,
    recorder: { record: async () => {} },
    log: recordingLog().log,
  });
});
afterEach(async () => {
  news.close();
  vi.useRealTimers();
  await small.stop();
  await router.stop();
  await node.stop();
});

const look = (): unknown => vi.advanceTimersByTime(5000);
const idOf = (index: number): VolumeId =>
  volumeId(node.pool.uuid, objectKey(index.toString(16).padStart(20, "0")));
async function damageSome(count: number): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    const volume = { id: idOf(index), name: `pvc-${index}` };
    node.pool.putVolume(volumeRecord(index, volume));
    const used = damage.watch(volume, () => Promise.reject(new DamagedVolumeError("bad")));
    await used.catch(() => {});
  }
  await until(() => router.fleet.nodes[0]?.view?.damaged.length === count);
}

test("damage that could not be told is told when the API server answers again", async () => {
  await damageSome(1);
  code = 500;
  look();
  await until(() => small.asked.length === 1);
  code = 404;
  await until(() => {
    look();
    return small.asked.length === 2;
  });
  look();
  await sleep(50);
  expect(small.asked).toEqual(Array.from({ length: 2 }, () => "GET /api/v1/persistentvolumes/pvc-1"));
});

test("a node that reports much damage has its share of questions", async () => {
  await damageSome(MOST_LOOKUPS + 5);
  look();
  await until(() => small.asked.length >= MOST_LOOKUPS);
  look();
  await sleep(50);
  expect(small.asked).toHaveLength(MOST_LOOKUPS);
});

test.each([
  ["that was never open", "", 0],
  ["that turns and turns", "b".repeat(32), MOST_LOOKUPS],
])("because of a pool %s the API server is asked %s %i times", async (_what, uuid, times) => {
  const low = { type: "DataLow", reason: "its data is filling" } as const;
  const nodes = [nodeSight("node-x", [openSight("fast", "b", { conditions: [low] })])];
  const [write] = planThinPools({ nodes, existing: [], missingSince: new Map(), now: 0 }, THIN_POOL_TIMES);
  if (write?.kind !== "create") throw new Error("no ThinPool");
  for (let turn = 0; turn < MOST_LOOKUPS + 5; turn += 1)
    news.written({ ...write, status: { ...write.status, uuid } }, "uid");
  code = 200;
  await until(() => small.asked.length >= times);
  await sleep(50);
  expect(small.asked).toHaveLength(times);
});
