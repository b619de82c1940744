import { once } from "node:events";
import { createServer } from "node:net";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { Server, ServerCredentials, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NoRoomError } from "../../../src/core/errors.ts";
import { volumeId, isPoolUuid, objectKey } from "../../../src/core/ids.ts";
import { PassedOnError } from "../../../src/csi/status.ts";
import { loadNodeLink } from "../../../src/route/contract.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { createVolumeRequest, idOf } from "../../support/requests.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let a: SimulatedNode;
let router: RouterBench;
beforeEach(async () => {
  a = await startNode("node-a", "a");
  router = await startRouter(rosterOf([a]));
  await untilConnected(router);
});
afterEach(async () => {
  await router.stop();
  await a.stop();
});
const view = () => router.fleet.nodes[0]?.view;
const problem = () => router.fleet.nodes[0]?.problem;

describe("a node", () => {
  test("that falls silent is away although its connection stands", async () => {
    a.wire.freeze();
    await until(() => view() === undefined);
    expect(problem()).toBe("it is silent");
  });

  test("that is back, is back, and its going and coming are a line each", async () => {
    a.wire.cut();
    await until(() => view() === undefined);
    await until(() => view() !== undefined);
    const lines = router.lines
      .filter(({ facts }) => facts["node"] === "node-a")
      .map(({ message }) => message);
    expect(lines).toEqual(["node is there", "node is away", "node is there"]);
  });

  test("whose port takes connections and nothing else is a line, not one for each try", async () => {
    let tries = 0;
    const mute = createServer((socket) => {
      tries += 1;
      socket.destroy();
    });
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as { port: number };
    router.fleet.follow([{ name: "node-x", address: `127.0.0.1:${port}` }]);
    await until(() => tries >= 4);
    mute.close();
    const away = router.lines.filter(({ facts }) => facts["node"] === "node-x");
    expect(away.map(({ message }) => message)).toEqual(["node is away"]);
  });

  test("that refuses at length is a line, and no more of its words than are read", async () => {
    let tries = 0;
    const wordy = new Server();
    const Follow: UntypedServiceImplementation[string] = (call: Writable) => {
      tries += 1;
      call.emit("error", { code: status.ABORTED, details: `${"x".repeat(1500)}${tries}` });
    };
    wordy.addService({ Follow: loadNodeLink().Follow }, { Follow });
    const port = await promisify(wordy.bindAsync.bind(wordy))(
      "127.0.0.1:0",
      ServerCredentials.createInsecure(),
    );
    router.fleet.follow([{ name: "node-x", address: `127.0.0.1:${port}` }]);
    await until(() => tries >= 3);
    wordy.forceShutdown();
    const away = router.lines.filter(({ facts }) => facts["node"] === "node-x");
    expect(away.map(({ facts }) => facts["problem"])).toEqual(["x".repeat(1024)]);
  });

  test("at a new address is followed there, and the old one is left", async () => {
    const again = await startNode("node-a", "c");
    router.fleet.follow(rosterOf([again]));
    await until(() => view()?.pools[0]?.uuid.startsWith("c") ?? false);
    await again.stop();
    await until(() => view() === undefined);
    router.fleet.follow([]);
    expect(router.fleet.nodes).toEqual([]);
  });

  test("that speaks for another is not believed", async () => {
    router.fleet.follow([{ name: "node-x", address: a.wire.address }]);
    await until(() => problem()?.includes("expected its own name") ?? false);
    expect(view()).toBeUndefined();
  });

  test("that starts is away until its pools are open", async () => {
    a.pools = undefined;
    await until(() => view() === undefined);
    expect(problem()).toBe("its pools are being opened");
    await expect(router.client.controller.deleteVolume({ volume_id: idOf("v", "a") })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  test("without an address is away, and known to be", async () => {
    router.fleet.follow([{ name: "node-a" }]);
    await expect(router.client.controller.listVolumes({})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("its driver does not run") as unknown,
    });
  });

  test("is not ready to be routed to before there is a roster", async () => {
    const fresh = await startRouter([]);
    expect(await fresh.client.identity.probe({})).toEqual({ ready: { value: true } });
    expect(await fresh.client.controller.listVolumes({})).toEqual({ entries: [], next_token: "" });
    await fresh.stop();
  });
});

describe("an answer", () => {
  test("with a volume of another pool is not passed on", async () => {
    const uuid = "b".repeat(32);
    if (!isPoolUuid(uuid)) throw new Error(uuid);
    const create = a.pool.createVolume.bind(a.pool);
    a.pool.createVolume = async (intent) => {
      const outcome = await create(intent);
      return { ...outcome, record: { ...outcome.record, id: volumeId(uuid, objectKey("1".repeat(20))) } };
    };
    await expect(router.client.controller.createVolume(createVolumeRequest())).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  test("that the node gave is passed on with code and words", async () => {
    a.pool.createVolume = () => Promise.reject(new NoRoomError("full"));
    await expect(router.client.controller.createVolume(createVolumeRequest())).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "full",
    });
  });

  test("that is no node's is UNAVAILABLE: something on the way made it up, and the volume may exist", async () => {
    const [node] = router.fleet.nodes;
    const waiting = { signal: new AbortController().signal, deadline: Date.now() + 10_000 };
    // grpc-js itself answers UNIMPLEMENTED.
    const method = {
      path: "/csi.v1.Controller/NoSuchMethod",
      requestSerialize: (text: string) => Buffer.from(text),
      responseDeserialize: String,
    };
    const answer = await node?.call(method, "", waiting).catch((error: unknown) => error);
    expect(answer).not.toBeInstanceOf(PassedOnError);
    expect(answer).toMatchObject({ kind: "outcome-unknown" });
  });

  test("is not waited for longer than the caller waits, and the node goes on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    a.pool.beforeAnswer = () => promise;
    await expect(
      router.client.controller.createVolume(createVolumeRequest(), { deadlineMs: 200 }),
    ).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    resolve();
    a.pool.beforeAnswer = async () => {};
    const { volume } = await router.client.controller.createVolume(createVolumeRequest());
    expect(volume?.volume_id).toBe(a.pool.volumeByName("pvc-1")?.id);
    expect(a.pool.volumes()).toHaveLength(1);
  });
});
