/** What holds whenever no call is under way, whatever calls there were. */
import { readFileSync } from "node:fs";

import { parseId } from "../../../src/core/ids.ts";
import { linesOf, thinIds } from "../../support/machine-state.ts";
import type { NodeBench } from "../../support/node-bench.ts";

/** Answers what does not. */
export async function brokenInvariants(bench: NodeBench): Promise<readonly string[]> {
  const { controller } = bench.csi;
  const { entries: volumes } = await controller.listVolumes({});
  const { entries: snapshots } = await controller.listSnapshots({});
  const thins = await thinIds(bench.pool);
  const objects = volumes.length + snapshots.length;
  const keys = new Set<string | undefined>(
    volumes.map(({ volume }) => parseId(volume?.volume_id ?? "")?.key),
  );
  const mounts = mountsOf(bench);
  return [
    ...(thins.length === objects ? [] : [`${thins.length} thins for ${objects} volumes and snapshots`]),
    ...mounts.filter(({ layers }) => layers !== 1).map(({ path, layers }) => `${layers} mounts at ${path}`),
    ...mounts
      .filter(({ key }) => key !== undefined && !keys.has(key))
      .map(({ path }) => `a volume that is no more is mounted at ${path}`),
  ];
}

interface Shown {
  readonly path: string;
  readonly layers: number;
  /** Of the volume whose filesystem is seen there; undefined for a raw device. */
  readonly key: string | undefined;
}

function mountsOf({ kubeletDirectory }: NodeBench): readonly Shown[] {
  const lines = linesOf(readFileSync("/proc/self/mountinfo", "utf8")).map((line) => line.split(" "));
  const mine = lines.filter(([, , , , path = ""]) => path.startsWith(`${kubeletDirectory}/`));
  return mine.map(([, , number = "", , path = ""]) => ({
    path,
    layers: mine.filter((each) => each[4] === path).length,
    key: keyOf(number),
  }));
}

function keyOf(number: string): string | undefined {
  try {
    return readFileSync(`/sys/dev/block/${number}/dm/uuid`, "utf8").trim().split("-").at(-1);
  } catch {
    return undefined;
  }
}
