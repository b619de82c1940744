/** What csi-sanity is pointed at: one driver for everything, or a controller before a node. Both have the same pool. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeAuthority } from "../../src/identity/certificates.ts";
import { CONTROLLER_URI, nodeUri } from "../../src/route/identity.ts";
import type { CsiClient } from "../support/csi-client.ts";
import { loopPool, startDriver } from "../support/driver.ts";
import { freePort } from "../support/free-port.ts";
import { issue, writeIdentity } from "../support/identities.ts";

/** csi-sanity makes volumes of 10 GiB, about ten at a time. Sparse: only what it writes is allocated. */
const DATA_SIZE = "160GiB";
const NODE = "test-node";
const CONNECTED_MS = 60_000;

export interface Target {
  /** Of the Node service; and of the others, too, unless `controllerEndpoint` says otherwise. */
  readonly endpoint: string;
  readonly controllerEndpoint?: string;
  /** Answers the calls of controllers. */
  readonly client: CsiClient;
  readonly kubeletDirectory: string;
  /** 0, or the exit code of one that did not end well. */
  stop(): Promise<number>;
}

const poolsIn = (directory: string) => [loopPool(directory, "sanity", DATA_SIZE)];

export const startAll = (directory: string): Promise<Target> =>
  startDriver({ directory, pools: poolsIn(directory) });

/** `dmthin node` and `dmthin controller`, with certificates that somebody else made. */
export async function startRouted(directory: string): Promise<Target> {
  const authority = await makeAuthority(new Date());
  const [forNode, forController] = ["node-identity", "controller-identity"].map((name) =>
    join(directory, name),
  );
  if (forNode === undefined || forController === undefined) throw new RangeError("two identities");
  writeIdentity(forNode, await issue(authority, nodeUri(NODE), "node"));
  writeIdentity(forController, await issue(authority, CONTROLLER_URI, "controller"));
  const address = `127.0.0.1:${await freePort()}`;
  const node = await startDriver({
    role: "node",
    directory,
    pools: poolsIn(directory),
    config: { nodeName: NODE, cluster: { listen: address, identity: forNode } },
  });
  const place = join(directory, "controller");
  mkdirSync(place, { recursive: true });
  const nodes = join(place, "nodes.yaml");
  writeFileSync(nodes, JSON.stringify({ nodes: [{ name: NODE, address }] }));
  const controller = await startDriver({
    role: "controller",
    directory: place,
    pools: [],
    config: { static: { identity: forController, nodes } },
  });
  await untilConnected(controller.client);
  return {
    endpoint: node.endpoint,
    controllerEndpoint: controller.endpoint,
    client: controller.client,
    kubeletDirectory: node.kubeletDirectory,
    stop: async () => Math.max(...(await Promise.all([controller.stop(), node.stop()]))),
  };
}

/** Its lists fail while a node of its roster has not reported. */
async function untilConnected({ controller }: CsiClient): Promise<void> {
  const end = performance.now() + CONNECTED_MS;
  for (;;) {
    try {
      await controller.listVolumes({});
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}
