import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Operations } from "../../../src/core/operations.ts";
import { loadCsi } from "../../../src/csi/proto.ts";
import {
  makeAuthority,
  makeRequest,
  sign,
  type KeyAndCertificate,
} from "../../../src/identity/certificates.ts";
import { clusterAuthority, type SecretStore } from "../../../src/identity/authority.ts";
import { NodeConnection } from "../../../src/route/connection.ts";
import {
  CONTROLLER_URI,
  Identity,
  nodeUri,
  onlyControllers,
  requireIdentity,
} from "../../../src/route/identity.ts";
import { listenOn, type PortServer } from "../../../src/route/listen.ts";
import { nodeServices } from "../../../src/route/node-services.ts";
import { StateFeed } from "../../../src/route/node-state.ts";
import { until } from "../../support/fleet-bench.ts";
import { issue } from "../../support/identities.ts";
import { MemoryMounts } from "../../support/memory-mounts.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { recordingLog } from "../../support/recording-log.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let authority: KeyAndCertificate;
let foreign: KeyAndCertificate;
beforeAll(async () => {
  [authority, foreign] = await Promise.all([makeAuthority(new Date()), makeAuthority(new Date())]);
});
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A node that serves with `identity`, whatever that says of it. */
async function serve(identity: Identity, name = "node-a"): Promise<PortServer> {
  const { log } = recordingLog();
  const pools = memoryPools([new MemoryPool("fast", "a")]);
  const node = { name, topology: name, maxVolumes: 0 };
  const driver = { version: "1", node, mounts: new MemoryMounts(), pools: () => pools };
  const feed = new StateFeed({ driver, report: async () => [] });
  const services = nodeServices({ driver, operations: new Operations(), feed }, { log });
  const server = await listenOn({ host: "127.0.0.1", port: 0 }, services, identity.serving(), [
    onlyControllers,
  ]);
  ends.push(
    () => server.drain({ idle: () => Promise.resolve(), withinMs: 100 }),
    () => feed.close(),
  );
  return server;
}

function connect({ port }: PortServer, identity: Identity, name = "node-a"): NodeConnection {
  const { log } = recordingLog();
  const connection = new NodeConnection({
    name,
    address: `127.0.0.1:${port}`,
    credentials: identity.towards(name),
    log,
    changed: () => {},
  });
  ends.push(() => connection.close());
  return connection;
}

const having = async (...[uri, use, by = authority]: [string, "node" | "controller", KeyAndCertificate?]) => {
  const identity = new Identity();
  identity.set(await issue(by, uri, use));
  return identity;
};
const nodeA = () => having(nodeUri("node-a"), "node");
const controller = () => having(CONTROLLER_URI, "controller");

describe("a controller and a node", () => {
  test("know each other by their certificates", async () => {
    const connection = connect(await serve(await nodeA()), await controller());
    await until(() => connection.view !== undefined);
    const { Controller } = loadCsi();
    const waiting = { signal: new AbortController().signal, deadline: Date.now() + 10_000 };
    expect(await connection.call(Controller.ListVolumes, {}, waiting)).toEqual({
      entries: [],
      next_token: "",
    });
  });

  test.each([
    [
      "another node",
      () => having(nodeUri("node-b"), "node"),
      /certificate is of URI:dmthin:\/\/node\/node-b/,
    ],
    ["a controller", () => having(CONTROLLER_URI, "controller"), /is of URI:dmthin:\/\/controller/],
    [
      "a node of another CA",
      () => having(nodeUri("node-a"), "node", foreign),
      /self-signed certificate in certificate chain/,
    ],
  ])("a node is not believed to be it with the certificate of %s", async (_what, identity, reason) => {
    const connection = connect(await serve(await identity()), await controller());
    await until(() => connection.problem !== "it is being connected to");
    expect(connection.problem).toMatch(reason);
    expect(connection.view).toBeUndefined();
  });

  test.each([
    ["a node, which no node serves", () => having(nodeUri("node-b"), "node")],
    ["a node that has got itself a client's", () => having(nodeUri("node-b"), "controller")],
    ["a controller of another CA", () => having(CONTROLLER_URI, "controller", foreign)],
  ])("a caller is refused with the certificate of %s", async (_what, identity) => {
    const trusting = await identity();
    const connection = connect(await serve(await nodeA()), trusting);
    await until(() => connection.problem !== "it is being connected to");
    expect(connection.view).toBeUndefined();
    const waiting = { signal: new AbortController().signal, deadline: Date.now() + 10_000 };
    await expect(connection.call(loadCsi().Controller.ListVolumes, {}, waiting)).rejects.toBeDefined();
  });

  test("take new certificates, and a new CA beside the old one, without a restart", async () => {
    const [node, caller] = [await nodeA(), await controller()];
    const server = await serve(node);
    const first = connect(server, caller);
    await until(() => first.view !== undefined);
    const both = Buffer.from(authority.certificate + foreign.certificate);
    node.set({ ...(await issue(foreign, nodeUri("node-a"), "node")), ca: both });
    caller.set({ ...(await issue(foreign, CONTROLLER_URI, "controller")), ca: both });
    const second = connect(server, caller);
    await until(() => second.view !== undefined);
    caller.set(await issue(authority, CONTROLLER_URI, "controller"));
    const third = connect(server, caller);
    await until(() => third.problem !== "it is being connected to");
    expect(third.problem).toMatch(/certificate/);
    expect([first.view, second.view].map((view) => view?.opened)).toEqual([true, true]);
  });

  test("a certificate that has ended opens nothing", async () => {
    const late = new Identity();
    late.set(await issue(authority, nodeUri("node-a"), "node", -1000));
    const connection = connect(await serve(late), await controller());
    await until(() => /expired/.test(connection.problem));
    expect(connection.view).toBeUndefined();
  });
});

describe("a request", () => {
  const subject = { uri: nodeUri("x"), use: "node", lifetimeMs: 1000 } as const;

  test("gets the name that the authority gives, not one that it asks for", async () => {
    const material = await issue(authority, nodeUri("node-a"), "node");
    expect(() => requireIdentity(material, nodeUri("node-a"))).not.toThrow();
    expect(() => requireIdentity(material, nodeUri("node-b"))).toThrow(/not of dmthin:\/\/node\/node-b/);
    const { key } = await makeRequest();
    expect(() => requireIdentity({ ...material, key: Buffer.from(key) }, nodeUri("node-a"))).toThrow(
      /another key/,
    );
  });

  test("that was answered is not taken over where no connection would come of it", async () => {
    const material = await issue(authority, nodeUri("node-a"), "node");
    const taking = (changes: Partial<typeof material>) => () =>
      requireIdentity({ ...material, ...changes }, nodeUri("node-a"));
    const [ours, others] = [authority, foreign].map((each) => Buffer.from(each.certificate));
    if (ours === undefined || others === undefined) throw new RangeError("two CAs");
    expect(taking({ ca: Buffer.concat([others, ours]) })).not.toThrow();
    expect(taking({ ca: others })).toThrow(/of another CA/);
    expect(taking({ ca: Buffer.from("") })).toThrow(/the CA is no certificate in PEM/);
    const torn = Buffer.from(ours.toString().replace(/\n[^\n]+\n-----END/, "\n-----END"));
    expect(taking({ ca: torn })).toThrow(/the CA cannot be read/);
    expect(taking({ key: Buffer.from("x") })).toThrow(/the key cannot be read/);
    const ended = await issue(authority, nodeUri("node-a"), "node", -1000);
    expect(taking(ended)).toThrow(/has ended at/);
  });

  test.each([["nothing"], ["-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]])(
    "that is none is refused: %j",
    async (text) => {
      await expect(sign(authority, text, subject, new Date())).rejects.toMatchObject({
        kind: "invalid-request",
      });
    },
  );

  test("that is not signed by its own key is refused", async () => {
    const { request } = await makeRequest();
    const lines = request.trim().split("\n");
    const der = Buffer.from(lines.slice(1, -1).join(""), "base64");
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1;
    const forged = [lines[0], der.toString("base64"), lines.at(-1)].join("\n");
    await expect(sign(authority, forged, subject, new Date())).rejects.toMatchObject({
      kind: "invalid-request",
    });
  });
});

describe("the CA of a cluster", () => {
  test("is one for two controllers that start at once", async () => {
    let kept: KeyAndCertificate | undefined;
    const { promise: both, resolve } = Promise.withResolvers<void>();
    let readers = 0;
    const store: SecretStore = {
      read: async () => {
        const seen = kept;
        readers += 1;
        if (readers === 2) resolve();
        await both;
        return seen;
      },
      create: async (made) => {
        if (kept !== undefined) return false;
        kept = made;
        return true;
      },
    };
    const now = () => new Date();
    const [one, other] = await Promise.all([clusterAuthority(store, now), clusterAuthority(store, now)]);
    expect(one).toEqual(other);
    expect(await clusterAuthority(store, now)).toEqual(one);
  });
});
