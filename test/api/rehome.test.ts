/** `dmthin pool rehome` before a real API server, cut off after each of its writes. */
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { affinityTo, POOL, VOLUMES } from "../cluster/claimed-volumes.ts";
import { expectMoved, RehomeTests } from "../cluster/rehome-tests.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { run as runProgram } from "../support/machine-state.ts";

const tests = new RehomeTests();

describe("a pool that moved", () => {
  test("without --apply, nothing is changed", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    const { code, text } = await tests.run(tests.api, { apply: false });
    expect(code).toBe(0);
    expect(text).toMatch(
      /pv-a +default\/a +node-a +Delete +policy Retain, note down, delete, create, forget the note, policy back/,
    );
    expect(text).toMatch(/nothing was changed/);
    expect((await tests.cluster.one("pv-a")).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("its PersistentVolumes are on the new node, with their claims and all that was said about them", async () => {
    const [one, other] = [
      await tests.cluster.provision("a", "Delete"),
      await tests.cluster.provision("b", "Retain"),
    ];
    expect(one.metadata.finalizers).toContain("kubernetes.io/pv-protection");
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), one);
    expectMoved(await tests.cluster.one("pv-b"), other);
    expect(await tests.cluster.notes()).toBe(0);
    const again = await tests.run();
    expect(again).toEqual({ code: 0, text: "on node-b already: 2\n" });
  });

  test("what is of another pool, or of another driver, is left alone", async () => {
    await tests.cluster.provision("a", "Delete");
    const handle = `v-${"f".repeat(32)}-${"0".repeat(20)}`;
    const others = [
      await tests.cluster.provision("c", "Delete", {
        csi: { driver: "csi.dmthin.io", volumeHandle: handle },
      }),
      await tests.cluster.provision("d", "Delete", {
        csi: { driver: "other", volumeHandle: `v-${POOL}-${"0".repeat(20)}` },
      }),
    ];
    expect((await tests.run()).code).toBe(0);
    expect([await tests.cluster.one("pv-c"), await tests.cluster.one("pv-d")]).toEqual(others);
  });

  test("by the command itself, with a kubeconfig", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    const kubeconfig = tests.plane.kubeconfigFor("person", "admin-of-the-test");
    const words = ["pool", "rehome", POOL, "--to", "node-b", "--kubeconfig", kubeconfig];
    expect(await dmthinCommand(words)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("--apply") as string,
    });
    expect(await dmthinCommand([...words, "--apply", "--context", "nowhere"])).toMatchObject({ code: 2 });
    expect(await dmthinCommand([...words, "--apply", "--context", "person"])).toMatchObject({
      code: 0,
      stderr: "",
    });
    expectMoved(await tests.cluster.one("pv-a"), before);
    const plugin = join(import.meta.dirname, "../../bin/kubectl-dmthin");
    expect(await runProgram(plugin, ...words)).toBe("on node-b already: 1");
  });
});

describe("cut off after any of its writes, and called again", () => {
  /** Retained, noted, deleted, its finalizers gone, made again, forgotten, its policy back. */
  const WRITES = 7;
  const cases = ["Delete", "Retain"].flatMap((policy) =>
    Array.from({ length: WRITES }, (_each, index) => [policy, index + 1] as const),
  );

  test.each(cases)("policy %s, after write %i", async (policy, count) => {
    const before = await tests.cluster.provision("a", policy);
    const dying = tests.dyingAfter(count);
    await expect(tests.run(dying.api)).rejects.toThrow("dead");
    expect(dying.writes()).toBe(count);
    // What is about to go, and what was made again, is retained until its claim has it; only then its note is gone.
    const left = await tests.cluster.all();
    const loose = left.filter(
      ({ metadata, spec }) =>
        spec.persistentVolumeReclaimPolicy !== "Retain" &&
        (metadata.deletionTimestamp !== undefined || count < WRITES),
    );
    expect(loose).toEqual([]);
    expect(await tests.cluster.notes()).toBe(count > 1 && count < WRITES - 1 ? 1 : 0);
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("there are as many writes as that", async () => {
    for (const [name, policy] of [
      ["a", "Delete"],
      ["b", "Retain"],
    ] as const) {
      await tests.cluster.provision(name, policy);
      const dying = tests.dyingAfter(1000);
      expect((await tests.run(dying.api)).code).toBe(0);
      expect([policy, dying.writes()]).toEqual([policy, WRITES]);
    }
  });
});

describe("it is refused", () => {
  test("for a node without the driver", async () => {
    await tests.cluster.provision("a", "Delete");
    await tests.api.send({ method: "POST", path: "/api/v1/nodes", body: { metadata: { name: "node-x" } } });
    for (const node of ["node-x", "nowhere"]) {
      const { code, text } = await tests.run(tests.api, { node });
      expect([code, text]).toEqual([1, expect.stringMatching(/refused: node .* has no label/)]);
    }
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("for a PersistentVolume that somebody else holds or has deleted; others are moved", async () => {
    const [, held] = [
      await tests.cluster.provision("a", "Delete"),
      await tests.cluster.provision("b", "Delete"),
    ];
    const path = `${VOLUMES}/pv-b`;
    const finalizers = [...(held.metadata.finalizers ?? []), "backup.example.com/running"];
    await tests.api.send({ method: "PATCH", path, body: { metadata: { finalizers } } });
    await tests.cluster.provision("c", "Delete");
    await tests.api.send({ method: "DELETE", path: `${VOLUMES}/pv-c` });
    const { code, text } = await tests.run();
    expect(code).toBe(4);
    expect(text).toMatch(/left as it is: pv-b: others hold it: finalizers backup.example.com\/running/);
    expect(text).toMatch(/left as it is: pv-c: somebody has deleted it/);
    expect((await tests.cluster.one("pv-b")).spec["nodeAffinity"]).toEqual(affinityTo("node-a"));
    expect((await tests.cluster.one("pv-a")).spec["nodeAffinity"]).toEqual(affinityTo("node-b"));
  });

  test("for a PersistentVolume with other conditions than its node", async () => {
    const nodeAffinity = {
      required: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: TOPOLOGY_KEY, operator: "In", values: ["node-a"] },
              { key: "zone", operator: "In", values: ["z"] },
            ],
          },
        ],
      },
    };
    await tests.cluster.provision("a", "Delete", { nodeAffinity });
    const { code, text } = await tests.run();
    expect([code, text]).toEqual([
      4,
      expect.stringMatching(/pv-a: its node affinity does not name one node/),
    ]);
  });

  test("for a pool of which there is nothing", async () => {
    expect((await tests.run()).code).toBe(3);
  });
});
