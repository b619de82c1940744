/** Nodes that lose their power and get it back; needs the test bed. */
import type { Bed } from "./bed.ts";
import { bootOf, untilDriverReady, untilNodeReady } from "./driver.ts";
import { expect, type World } from "./world.ts";

export function bedOf({ cluster }: World): Bed {
  expect(cluster.bed !== undefined, "there is no test bed");
  return cluster.bed;
}

/** The node a scenario takes away: the last one, so that a control plane on the first stays. */
export const victim = ({ cluster }: World): string => cluster.nodes.at(-1)?.name ?? "";

/** `before`: the boot that it was in. */
export async function startAgain(world: World, node: string, before: string): Promise<void> {
  await world.phase("driver and nodes", () => bedOf(world).startPower(node));
  await untilNodeReady(world, node, before);
  await untilDriverReady(world);
}

/** All of them at once; `meanwhile` while they are off. They get their power back whatever comes of it. */
export async function withoutPower<T>(
  world: World,
  nodes: readonly string[],
  meanwhile: (bed: Bed) => Promise<T>,
): Promise<T> {
  const bed = bedOf(world);
  const boots = new Map<string, string>();
  for (const node of nodes) boots.set(node, await bootOf(world, node));
  await world.phase("driver and nodes", () => Promise.all(nodes.map((node) => bed.cutPower(node))));
  try {
    return await meanwhile(bed);
  } finally {
    await Promise.all([...boots].map(([node, boot]) => startAgain(world, node, boot)));
  }
}
