/** Two calls of `dmthin pool rehome` at once before a real API server: one stands still before one of its writes until the other has ended. */
import { describe, expect, test } from "vitest";

import type { RawRequest } from "../../src/kube/raw.ts";
import { VOLUMES } from "../cluster/claimed-volumes.ts";
import { expectMoved, isWrite, RehomeTests } from "../cluster/rehome-tests.ts";

const tests = new RehomeTests();
const WRITES = [1, 2, 3, 4, 5, 6, 7];

describe.each(["node-b", "node-c", "node-a"])("while another one for %s is done,", (node) => {
  test.each(WRITES)("one stands still before its write %i", async (count) => {
    const before = await tests.cluster.provision("a", "Delete");
    const standing = tests.standingBefore(count, isWrite);
    const first = tests.run(tests.watched(standing.api, "pv-a"));
    await standing.reached;
    const second = await tests.run(tests.watched(tests.api, "pv-a"), { node });
    expect(second.code).toBe(0);
    standing.goOn();
    expect([0, 2]).toContain((await first).code);
    // Whoever it was that came last, one more call has it where it should be, with nothing left.
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    expect([(await tests.cluster.all()).length, await tests.cluster.notes()]).toEqual([1, 0]);
    expect((await tests.run()).text).toBe("on node-b already: 1\n");
  });
});

describe("one stands still after a call was cut off,", () => {
  test.each([2, 3, 4, 5])("after write %i, while another has the pool home again", async (cut) => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(cut).api)).rejects.toThrow("dead");
    const standing = tests.standingBefore(1, isWrite);
    const first = tests.run(tests.watched(standing.api, "pv-a"));
    await standing.reached;
    expect((await tests.run(tests.watched(tests.api, "pv-a"), { node: "node-a" })).code).toBe(0);
    standing.goOn();
    expect([0, 2]).toContain((await first).code);
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    expect(await tests.cluster.notes()).toBe(0);
  });
});

/** What a call does with a PersistentVolume, and not how it looks for them. */
const isOfMove = ({ method, path }: RawRequest): boolean => method !== "GET" || path.endsWith("/pv-a");

describe.each([1, 2])("while another one for home is cut off after write %i,", (cut) => {
  // The last one is that it looks whether it is gone.
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])("one stands still before its request %i", async (count) => {
    const before = await tests.cluster.provision("a", "Delete");
    const standing = tests.standingBefore(count, isOfMove);
    const first = tests.run(tests.watched(standing.api, "pv-a"));
    await standing.reached;
    const dying = tests.dyingAfter(cut);
    await tests.run(tests.watched(dying.api, "pv-a"), { node: "node-a" }).catch(() => undefined);
    standing.goOn();
    expect([0, 2]).toContain((await first).code);
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    expect(await tests.cluster.notes()).toBe(0);
  });
});

test("one that calls it home does not take the note from what another has deleted meanwhile", async () => {
  const before = await tests.cluster.provision("a", "Delete");
  await expect(tests.run(tests.dyingAfter(2).api)).rejects.toThrow("dead");
  const standing = tests.standingBefore(1, isWrite);
  const home = tests.run(tests.watched(standing.api, "pv-a"), { node: "node-a" });
  await standing.reached;
  // As the other one does next.
  await tests.api.send({ method: "DELETE", path: `${VOLUMES}/pv-a` });
  standing.goOn();
  expect(await home).toMatchObject({ code: 2, text: expect.stringMatching(/just changed/) as string });
  expect(await tests.cluster.notes()).toBe(1);
  expect((await tests.run()).code).toBe(0);
  expectMoved(await tests.cluster.one("pv-a"), before);
  expect(await tests.cluster.notes()).toBe(0);
});

test("one that stands still before it makes what others have moved, and deleted, since does not make it", async () => {
  await tests.cluster.provision("a", "Delete");
  await expect(tests.run(tests.dyingAfter(4).api)).rejects.toThrow("dead");
  // Its second list of notes.
  const standing = tests.standingBefore(
    2,
    ({ method, path }) => method === "GET" && path.includes("/configmaps?"),
  );
  const late = tests.run(standing.api);
  await standing.reached;
  expect((await tests.run()).code).toBe(0);
  await tests.cluster.deleteClaim("a");
  await tests.cluster.deleteVolume("pv-a");
  standing.goOn();
  expect((await late).code).toBe(2);
  expect(await tests.cluster.all()).toEqual([]);
});
