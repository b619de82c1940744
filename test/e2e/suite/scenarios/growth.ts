/** Growth, as users do it: they patch the request of their claim. */
import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";

import { bytesOf, deviceSize, expectContent, filesystemSize, writeContent } from "../framework/content.ts";
import { applyClaim, endPods, startPod, startWithClaim, untilEvent } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { expectRecords, startWriter, untilWritesGoOn, untilWritten } from "../framework/writer.ts";
import { expect, type World } from "../framework/world.ts";

type Claim = V1PersistentVolumeClaim;

const CLAIMS = "persistentvolumeclaims";
/** No writer may stand still for longer. Between two records there are two processes, and a busy node. */
const LONGEST_GAP_S = 30;

const request = (world: World, name: string, storage: string): Promise<void> =>
  world.patch(CLAIMS, name, { spec: { resources: { requests: { storage } } } });

function untilCapacity(world: World, name: string, size: string): Promise<Claim> {
  return world.phase("growth", () =>
    world.watch<Claim, Claim>({
      get: [CLAIMS, `--field-selector=metadata.name=${name}`],
      what: `claim ${name} says that it has ${size}`,
      judge: ([found]) => {
        const capacity = found?.status?.capacity?.["storage"];
        return capacity !== undefined && bytesOf(capacity) === bytesOf(size) ? found : undefined;
      },
    }),
  );
}

interface Growing {
  readonly class: "ext4" | "xfs" | "btrfs";
  readonly block?: boolean;
  readonly from: string;
  readonly to: string;
}

async function growUnderWrite(
  world: World,
  { class: kind, block = false, from, to }: Growing,
): Promise<void> {
  const size = (pod: string) => (block ? deviceSize(world, pod) : filesystemSize(world, pod));
  const reached = async (pod: string, before: bigint): Promise<void> => {
    const grown = (await size(pod)) - before;
    const asked = bytesOf(to) - bytesOf(from);
    const least = block ? asked : (asked * 90n) / 100n;
    expect(grown >= least && grown <= asked, `it has grown by ${grown} bytes, ${asked} were asked for`);
  };
  await applyClaim(world, { name: "grows", class: world.classes[kind], size: from, block });
  await startWriter(world, { name: "writer", claim: "grows", block });
  await untilWritten(world, "writer", 5);
  const before = await size("writer");
  await request(world, "grows", to);
  await untilCapacity(world, "grows", to);
  await reached("writer", before);
  const { last, longestGapS } = await untilWritesGoOn(world, "writer");
  expect(longestGapS <= LONGEST_GAP_S, `the writer stood still for ${longestGapS} s`);
  await endPods(world, "writer");
  await startPod(world, { name: "after", claim: "grows", block });
  await reached("after", before);
  await expectRecords(world, "after", last, { block });
}

const underWrite = (kind: "ext4" | "xfs" | "btrfs" | "block", growing: Growing): Scenario => ({
  id: `grow-${kind}`,
  title: `kubectl grows ${kind === "block" ? "a raw block volume" : kind} under write; no record is lost`,
  ...(kind === "btrfs" ? {} : { smoke: true }),
  run: (world) => growUnderWrite(world, growing),
});

const TOO_LARGE = "900Ti";

const refused: Scenario = {
  id: "grow-beyond-pool",
  title:
    "growth beyond the pool is refused where the claim's owner sees it, and is taken back by asking for less",
  async run(world) {
    await startWithClaim(world, { name: "greedy", class: world.classes.ext4, size: "128Mi" });
    const before = await filesystemSize(world, "greedy");
    const content = await writeContent(world, "greedy", { mebibytes: 8 });
    await request(world, "greedy", TOO_LARGE);
    await untilEvent(
      world,
      { kind: "PersistentVolumeClaim", name: "greedy" },
      /VolumeResizeFailed: .*(OutOfRange|room|promise)/,
    );
    const { status } = await world.get<Claim>(CLAIMS, "greedy");
    expect(status?.capacity?.["storage"] === "128Mi", `it says that it has ${status?.capacity?.["storage"]}`);
    expect((await filesystemSize(world, "greedy")) === before, "its filesystem has another size");
    await request(world, "greedy", "192Mi");
    await untilCapacity(world, "greedy", "192Mi");
    expect((await filesystemSize(world, "greedy")) > before, "its filesystem has not grown");
    await expectContent(world, "greedy", content);
  },
};

const withoutPod: Scenario = {
  id: "grow-without-pod",
  title: "a claim without a pod grows when the next pod comes",
  async run(world) {
    await startWithClaim(world, { name: "rests", class: world.classes.xfs, size: "320Mi" });
    const before = await filesystemSize(world, "rests");
    const content = await writeContent(world, "rests", { mebibytes: 8 });
    await endPods(world, "rests");
    await request(world, "rests", "640Mi");
    await world.phase("growth", () =>
      world.watch<Claim, true>({
        get: [CLAIMS, "--field-selector=metadata.name=rests"],
        what: "the claim says that its filesystem grows with the next pod",
        judge: ([found]) =>
          found?.status?.conditions?.some(({ type }) => type === "FileSystemResizePending") || undefined,
      }),
    );
    await startPod(world, { name: "next", claim: "rests" });
    await untilCapacity(world, "rests", "640Mi");
    const grown = (await filesystemSize(world, "next")) - before;
    expect(grown * 100n >= bytesOf("320Mi") * 90n, `the filesystem has grown by ${grown} bytes`);
    await expectContent(world, "next", content);
  },
};

export const GROWTH: readonly Scenario[] = [
  underWrite("ext4", { class: "ext4", from: "128Mi", to: "512Mi" }),
  underWrite("xfs", { class: "xfs", from: "320Mi", to: "640Mi" }),
  underWrite("btrfs", { class: "btrfs", from: "320Mi", to: "640Mi" }),
  underWrite("block", { class: "ext4", block: true, from: "128Mi", to: "512Mi" }),
  refused,
  withoutPod,
];
