/** Nodes that lose their power and get it back; needs the test bed. */
import type { Bed } from "./bed.ts";
import { bootOf, driverContainersOn, untilDriverReady, untilNodeReady } from "./driver.ts";
import { expect, type World } from "./world.ts";

export function bedOf({ cluster }: World): Bed {
  expect(cluster.bed !== undefined, "there is no test bed");
  return cluster.bed;
}

/** The node a scenario takes away: the last one, so that a control plane on the first stays. */
export const victim = ({ cluster }: World): string => cluster.nodes.at(-1)?.name ?? "";

/** What was on a node: the API server says so until its kubelet is back, so it tells nothing of how the node is. */
interface Past {
  readonly boot: string;
  /** Of the driver's pods. */
  readonly containers: ReadonlySet<string>;
}

async function pastOf(world: World, node: string): Promise<Past> {
  return { boot: await bootOf(world, node), containers: await driverContainersOn(world, node) };
}

/** What was there, for `startAgain`. */
export async function cutPower(world: World, node: string): Promise<Past> {
  const past = await pastOf(world, node);
  await world.phase("driver and nodes", () => bedOf(world).cutPower(node));
  return past;
}

/** Until the node and the driver on it are what came after the cut. */
export async function startAgain(world: World, node: string, past: Past): Promise<void> {
  await world.phase("driver and nodes", () => bedOf(world).startPower(node));
  await untilNodeReady(world, node, past.boot);
  await world.phase("driver and nodes", () => untilDriverReady(world, past.containers));
}

/** All of them at once; `meanwhile` while they are off. They get their power back whatever comes of it. */
export async function withoutPower<T>(
  world: World,
  nodes: readonly string[],
  meanwhile: (bed: Bed) => Promise<T>,
): Promise<T> {
  const bed = bedOf(world);
  const pasts = new Map<string, Past>();
  for (const node of nodes) pasts.set(node, await pastOf(world, node));
  await world.phase("driver and nodes", () => Promise.all(nodes.map((node) => bed.cutPower(node))));
  try {
    return await meanwhile(bed);
  } finally {
    await Promise.all([...pasts].map(([node, past]) => startAgain(world, node, past)));
  }
}
