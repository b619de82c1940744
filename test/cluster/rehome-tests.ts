/**
 * `dmthin pool rehome` before a real API server, for tests that cut it off. What kube-controller-manager would do, this does: it calls a
 * PersistentVolume whose claim is there Bound.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { rawApi, type RawApi, type RawRequest } from "../../src/kube/raw.ts";
import { rehome, type PoolRehomeCommand } from "../../src/pool-rehome-command.ts";
import { affinityTo, ClaimedVolumes, POOL, type Volume } from "./claimed-volumes.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

const NAMESPACE = "dmthin-system";

/** Dry runs write nothing. */
export const isWrite = ({ method, path }: RawRequest): boolean =>
  method !== "GET" && !path.includes("dryRun=");

const command = (changes: Partial<PoolRehomeCommand> = {}): PoolRehomeCommand => ({
  kind: "pool-rehome",
  pool: POOL,
  node: "node-b",
  namespace: NAMESPACE,
  apply: true,
  json: false,
  ...changes,
});

export class RehomeTests {
  plane!: ControlPlane;
  api!: RawApi;
  cluster!: ClaimedVolumes;

  /** A cluster for the tests of a file, with nodes `node-a`, `node-b` and `node-c`; empty again after each test. */
  constructor() {
    let directory: string;
    let binding: NodeJS.Timeout;
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), "rehome-"));
      const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
      if (etcd === "" || apiserver === "")
        throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
      this.plane = await startControlPlane(directory, { etcd, apiserver });
      this.api = rawApi(this.plane.admin, this.plane.url);
      this.cluster = new ClaimedVolumes(this.api, NAMESPACE);
      await this.api.send({
        method: "POST",
        path: "/api/v1/namespaces",
        body: { metadata: { name: NAMESPACE } },
      });
      for (const name of ["node-a", "node-b", "node-c"])
        await this.api.send({
          method: "POST",
          path: "/api/v1/nodes",
          body: { metadata: { name, labels: { [TOPOLOGY_KEY]: name } } },
        });
    });
    beforeEach(() => {
      const again = (): void => {
        binding = setTimeout(() => void this.cluster.bindAll().then(again, again), 100);
      };
      again();
    });
    afterEach(async () => {
      clearTimeout(binding);
      await this.cluster.clear();
    });
    afterAll(async () => {
      await this.plane.stop();
      rmSync(directory, { recursive: true });
    });
  }

  async run(
    api: RawApi = this.api,
    changes: Partial<PoolRehomeCommand> = {},
  ): Promise<{ readonly code: number; readonly text: string }> {
    const said: string[] = [];
    const voice = { out: (text: string) => said.push(text), problem: (text: string) => said.push(text) };
    return { code: await rehome(api, command(changes), voice), text: said.join("") };
  }

  /** Looks at a PersistentVolume's reclaim policy after each write. */
  watchingPolicies(name: string): { readonly api: RawApi; readonly written: () => readonly string[] } {
    const written: string[] = [];
    return {
      written: () => written,
      api: {
        send: async (request) => {
          const answer = await this.api.send(request);
          const now = (await this.cluster.all()).filter(({ metadata }) => metadata.name === name);
          written.push(...now.map(({ spec }) => spec.persistentVolumeReclaimPolicy));
          return answer;
        },
      },
    };
  }

  /** Stands still before request `count` of those that `counts` until it may go on. `reached` resolves when it stands there. */
  standingBefore(
    count: number,
    counts: (request: RawRequest) => boolean,
  ): {
    readonly api: RawApi;
    readonly reached: Promise<void>;
    readonly goOn: () => void;
  } {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let requests = 0;
    return {
      reached: reached.promise,
      goOn: gate.resolve,
      api: {
        send: async (request) => {
          if (counts(request) && (requests += 1) === count) {
            reached.resolve();
            await gate.promise;
          }
          return this.api.send(request);
        },
      },
    };
  }

  /** What must hold after every request: no PersistentVolume is only in a memory, and none that goes may take its volume along. */
  watched(api: RawApi, name: string): RawApi {
    return {
      send: async (request) => {
        const answer = await api.send(request);
        const volume = (await this.cluster.all()).find(({ metadata }) => metadata.name === name);
        if (volume === undefined && (await this.cluster.notes()) === 0) throw new Error(`${name} is nowhere`);
        if (
          volume?.metadata.deletionTimestamp !== undefined &&
          volume.spec.persistentVolumeReclaimPolicy !== "Retain"
        )
          throw new Error(`${name} is about to go with its volume`);
        return answer;
      },
    };
  }

  /** Dies as soon as the API server has done `count` writes. */
  dyingAfter(count: number): { readonly api: RawApi; readonly writes: () => number } {
    let writes = 0;
    return {
      writes: () => writes,
      api: {
        send: async (request) => {
          if (writes >= count) throw new Error("dead");
          const answer = await this.api.send(request);
          if (isWrite(request)) writes += 1;
          if (writes >= count) throw new Error("dead");
          return answer;
        },
      },
    };
  }
}

/** All of the old one, but where it is. */
export function expectMoved(after: Volume, before: Volume): void {
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(after.metadata).toMatchObject({
    name: before.metadata.name,
    labels: before.metadata.labels,
    annotations: before.metadata.annotations,
  });
  expect(Object.keys(after.metadata.annotations ?? {})).toEqual(
    Object.keys(before.metadata.annotations ?? {}),
  );
  expect(after.metadata.deletionTimestamp).toBeUndefined();
  expect(after.spec).toEqual({ ...before.spec, nodeAffinity: affinityTo("node-b") });
}
