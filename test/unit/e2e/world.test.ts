import { expect, test } from "vitest";

import type { Classes } from "../../e2e/suite/framework/classes.ts";
import type { Cluster } from "../../e2e/suite/framework/cluster.ts";
import { World } from "../../e2e/suite/framework/world.ts";

/** A kubectl to which all is well. */
const cluster = {
  lacking: new Map(),
  kubectl: { run: () => Promise.resolve(""), watch: () => Promise.resolve(true) },
} as unknown as Cluster;

test("what is undone at the end says so; what a scenario does after its end stops there", async () => {
  const world = new World("one", { cluster, classes: {} as Classes });
  let tooLate: Promise<void> | undefined;
  const release = Promise.withResolvers<void>();
  const late = release.promise.then(() => world.note("too late"));
  world.atEnd(async () => {
    world.note("undone");
    release.resolve();
    tooLate = late;
    await late.catch(() => undefined);
  });
  await world.close();
  expect(world.timeline.map(({ text }) => text)).toEqual(["undone"]);
  await expect(tooLate).rejects.toThrow("one is over: too late");
});

test("an undoing that fails is told, and the others are done all the same", async () => {
  const world = new World("one", { cluster, classes: {} as Classes });
  const done: string[] = [];
  world.atEnd(async () => void done.push("first"));
  world.atEnd(() => Promise.reject(new Error("stuck")));
  await expect(world.close()).rejects.toThrow("not undone: Error: stuck");
  expect(done).toEqual(["first"]);
});
