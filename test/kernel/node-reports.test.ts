/** What a controller hears of a node with a real pool, over the wire that it has in a cluster. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeAuthority } from "../../src/identity/certificates.ts";
import { Fleet } from "../../src/route/fleet.ts";
import { CONTROLLER_URI, Identity, nodeUri } from "../../src/route/identity.ts";
import { objectsOf, type PoolObject } from "../../src/route/objects.ts";
import { followIdentity } from "../../src/identity-files.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { issue, writeIdentity } from "../support/identities.ts";
import { takeDown } from "../support/machine-state.ts";
import { recordingLog } from "../support/recording-log.ts";
import { createVolumeRequest } from "../support/requests.ts";
import { scratchDirectory } from "../support/scratch.ts";

const ADDRESS = "127.0.0.1:9813";
const CLUSTER = "0b5c6a5e-6d1f-4f57-9f9e-1a7f3f0b7c11";

let directory: string;
let driver: TestDriver;
let fleet: Fleet;
let unfollow: () => void;
const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 60_000, interval: 100 });

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "node-reports-"));
  const authority = await makeAuthority(new Date());
  const [own, controllers] = [join(directory, "identity"), join(directory, "controller")];
  writeIdentity(own, await issue(authority, nodeUri("node-a"), "node"));
  writeIdentity(controllers, await issue(authority, CONTROLLER_URI, "controller"));
  driver = await startDriver({
    role: "node",
    directory,
    pools: [loopPool(directory, "fast-reports", "2GiB")],
    config: { nodeName: "node-a", cluster: { listen: ADDRESS, identity: own } },
  });
  const { log } = recordingLog();
  const identity = new Identity();
  unfollow = followIdentity(controllers, CONTROLLER_URI, identity, log);
  fleet = new Fleet({ credentialsFor: (node) => identity.towards(node), clusterUid: () => CLUSTER, log });
  fleet.follow([{ name: "node-a", address: ADDRESS }]);
});

afterAll(async () => {
  fleet.close();
  unfollow();
  await driver.stop();
  await takeDown("fast-reports", [directory]);
  await rm(directory, { recursive: true });
});

const view = () => fleet.nodes[0]?.view;
const figures = () => view()?.pools[0]?.figures;

async function objects(): Promise<readonly PoolObject[]> {
  const [node] = fleet.nodes;
  const uuid = node?.view?.pools[0]?.uuid;
  if (node === undefined || uuid === undefined) throw new Error("the node is not there");
  return objectsOf(node, uuid, { signal: AbortSignal.timeout(20_000), deadline: Date.now() + 20_000 });
}

test("a node reports its pool, and what it stands on", async () => {
  await eventually(() => expect(figures()).toBeDefined());
  expect(figures()).toMatchObject({ backing: "loop", mode: "rw", state: "ready", volumes: 0, snapshots: 0 });
  expect(figures()?.metadata.size).toBeGreaterThan(0n);
  await eventually(() => expect(view()?.versions.kernel).not.toBe(""));
  const { kernel = "", thinPoolTarget, poolFormat } = view()?.versions ?? {};
  expect(kernel).toMatch(/^\d+\.\d+/);
  expect(thinPoolTarget).toMatch(/^v1\.\d+\.\d+$/);
  expect(poolFormat).toBe(2);
});

test("what is made is recorded with the cluster, and lists it also after a restart of the driver", async () => {
  const { volume } = await driver.client.controller.createVolume(createVolumeRequest({ name: "pvc-1" }));
  await driver.client.controller.createSnapshot({ name: "s", source_volume_id: volume?.volume_id ?? "" });
  const listed = await objects();
  expect(listed.map(({ kind, name, clusterUid }) => [kind, name, clusterUid])).toEqual([
    ["snapshot", "s", CLUSTER],
    ["volume", "pvc-1", CLUSTER],
  ]);
  expect(listed.map(({ source, group }) => [source, group])).toEqual([
    [volume?.volume_id, ""],
    ["", ""],
  ]);
  await eventually(() => expect(figures()).toMatchObject({ volumes: 1, snapshots: 1 }));
  await driver.stop();
  const restarted = await startDriver({
    role: "node",
    directory,
    pools: [loopPool(directory, "fast-reports", "2GiB")],
    config: { nodeName: "node-a", cluster: { listen: ADDRESS, identity: join(directory, "identity") } },
  });
  driver = restarted;
  await eventually(() => expect(view()).toBeDefined());
  expect(await objects()).toEqual(listed);
});
