/** Two nodes and a controller as processes, with real pools on one kernel: what a sidecar sees of them. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { makeAuthority, type KeyAndCertificate } from "../../src/identity/certificates.ts";
import { CONTROLLER_URI, nodeUri } from "../../src/route/identity.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { issue, writeIdentity } from "../support/identities.ts";
import { takeDown } from "../support/machine-state.ts";
import { createVolumeRequest } from "../support/requests.ts";
import { scratchDirectory } from "../support/scratch.ts";

const NODES = [
  { name: "node-a", pool: "fast-a", port: 9811 },
  { name: "node-b", pool: "fast-b", port: 9812 },
] as const;
type Node = (typeof NODES)[number];

const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 60_000, interval: 100 });

let directory: string;
let authority: KeyAndCertificate;
let controller: TestDriver;
const drivers = new Map<Node, TestDriver>();

const startNode = async (node: Node): Promise<void> => {
  const place = join(directory, node.name);
  mkdirSync(place, { recursive: true });
  const identity = join(place, "identity");
  writeIdentity(identity, await issue(authority, nodeUri(node.name), "node"));
  const driver = await startDriver({
    role: "node",
    directory: place,
    pools: [loopPool(place, node.pool, "2GiB")],
    config: { nodeName: node.name, cluster: { listen: `127.0.0.1:${node.port}`, identity } },
  });
  drivers.set(node, driver);
};

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "cluster-"));
  authority = await makeAuthority(new Date());
  await Promise.all(NODES.map(startNode));
  const place = join(directory, "controller");
  const identity = join(place, "identity");
  writeIdentity(identity, await issue(authority, CONTROLLER_URI, "controller"));
  writeNodes(NODES);
  controller = await startDriver({
    role: "controller",
    directory: place,
    pools: [],
    config: { static: { identity, nodes: join(place, "nodes.yaml") } },
  });
  await eventually(volumes);
});

afterAll(async () => {
  await controller.stop();
  await Promise.all([...drivers.values()].map((driver) => driver.stop()));
  for (const { name, pool } of NODES) await takeDown(pool, [join(directory, name)]);
  await rm(directory, { recursive: true });
});

function writeNodes(nodes: readonly Node[]): void {
  const path = join(directory, "controller/nodes.yaml");
  const text = JSON.stringify({
    nodes: nodes.map(({ name, port }) => ({ name, address: `127.0.0.1:${port}` })),
  });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

const topology = (node: string) => ({ segments: { [TOPOLOGY_KEY]: node } });
const requestFor = (name: string, node: string) =>
  createVolumeRequest({
    name,
    capacity_range: { required_bytes: 64 * 2 ** 20 },
    accessibility_requirements: {
      requisite: NODES.map((each) => topology(each.name)),
      preferred: [topology(node)],
    },
  });
async function create(name: string, node: string): Promise<string> {
  const { volume } = await controller.client.controller.createVolume(requestFor(name, node));
  expect(volume?.accessible_topology).toEqual([topology(node)]);
  return volume?.volume_id ?? "";
}
async function volumes(client = controller.client): Promise<readonly string[]> {
  const { entries } = await client.controller.listVolumes({});
  return entries.map(({ volume }) => volume?.volume_id ?? "");
}
const at = (node: Node): TestDriver => {
  const driver = drivers.get(node);
  if (driver === undefined) throw new Error(`${node.name} does not run`);
  return driver;
};
const [A, B] = NODES;

describe("a controller", () => {
  test("makes, copies, lists and deletes on the node that it is for", async () => {
    const [one, other] = [await create("one", "node-a"), await create("other", "node-b")];
    expect([await volumes(at(A).client), await volumes(at(B).client)]).toEqual([[one], [other]]);
    expect((await volumes()).toSorted()).toEqual([one, other].toSorted());

    const { snapshot } = await controller.client.controller.createSnapshot({
      name: "s",
      source_volume_id: other,
    });
    const { volume: copy } = await controller.client.controller.createVolume({
      ...requestFor("copy", "node-a"),
      volume_content_source: { snapshot: { snapshot_id: snapshot?.snapshot_id ?? "" } },
    });
    expect(copy?.accessible_topology).toEqual([topology("node-b")]);

    await controller.client.controller.deleteSnapshot({ snapshot_id: snapshot?.snapshot_id ?? "" });
    for (const id of await volumes()) await controller.client.controller.deleteVolume({ volume_id: id });
    expect([await volumes(at(A).client), await volumes(at(B).client)]).toEqual([[], []]);
  });

  test("tells the capacity of each node as the node does, also after a promise", async () => {
    const accessible_topology = topology("node-a");
    const capacity = async ({ client }: TestDriver) =>
      (await client.controller.getCapacity({ accessible_topology })).available_capacity;
    const same = () => eventually(async () => expect(await capacity(controller)).toBe(await capacity(at(A))));
    await same();
    const before = await capacity(at(A));
    const id = await create("promised", "node-a");
    await same();
    expect(BigInt(await capacity(controller))).toBeLessThan(BigInt(before));
    await controller.client.controller.deleteVolume({ volume_id: id });
    await same();
    expect(await capacity(controller)).toBe(before);
  });

  test("has no volume gone while its node is, and has it again with it", async () => {
    const id = await create("stays", "node-b");
    await at(B).kill();
    const gone = { code: status.UNAVAILABLE };
    await eventually(() => expect(volumes()).rejects.toMatchObject(gone));
    await expect(controller.client.controller.controllerGetVolume({ volume_id: id })).rejects.toMatchObject(
      gone,
    );
    await expect(controller.client.controller.deleteVolume({ volume_id: id })).rejects.toMatchObject(gone);
    await create("elsewhere", "node-a");
    await startNode(B);
    await eventually(volumes);
    expect(await create("stays", "node-b")).toBe(id);
    for (const each of await volumes()) await controller.client.controller.deleteVolume({ volume_id: each });
  });

  test("follows the file of its nodes, and certificates that come anew", async () => {
    const other = await makeAuthority(new Date());
    writeNodes([A]);
    await eventually(async () =>
      expect(
        await controller.client.controller.getCapacity({ accessible_topology: topology("node-b") }),
      ).toMatchObject({
        available_capacity: "0",
      }),
    );
    const both = Buffer.from(authority.certificate + other.certificate);
    const renew = async (place: string, uri: string, use: "node" | "controller") =>
      writeIdentity(join(directory, place, "identity"), { ...(await issue(other, uri, use)), ca: both });
    const taken = (driver: TestDriver): number =>
      readFileSync(driver.log, "utf8").split("identity taken over").length;
    const before = [taken(at(B)), taken(controller)];
    await renew("node-b", nodeUri("node-b"), "node");
    await renew("controller", CONTROLLER_URI, "controller");
    await eventually(async () => {
      expect(taken(at(B))).toBeGreaterThan(before[0] ?? 0);
      expect(taken(controller)).toBeGreaterThan(before[1] ?? 0);
    });
    writeNodes(NODES);
    // Node a is still connected from before, node b knows the controller by its new certificate.
    await eventually(volumes);
  });
});
