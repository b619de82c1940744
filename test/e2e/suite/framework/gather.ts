/** What a failed scenario leaves for people: state, Events and logs, in files. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { nameOf } from "./settings.ts";
import type { World } from "./world.ts";

const PLACE = "test/out/e2e";
const LONGEST_MS = 30_000;

/** Of an earlier run; the directory itself may be somebody else's. */
export function forgetKept(): void {
  mkdirSync(PLACE, { recursive: true });
  for (const name of readdirSync(PLACE)) rmSync(join(PLACE, name), { recursive: true, force: true });
}

/** Never throws: what cannot be had is said in its file. Returns the directory. */
export async function gather(world: World, error: string): Promise<string> {
  const directory = resolve(PLACE, world.id);
  mkdirSync(directory, { recursive: true });
  const { kubectl, namespace: here } = world;
  const { namespace: driver } = world.cluster.settings;
  const timeline = world.timeline.map(({ seconds, text }) => `${seconds.toFixed(1).padStart(8)} s  ${text}`);
  writeFileSync(join(directory, "timeline.txt"), [...timeline, "", error, ""].join("\n"));
  const save = async (file: string, args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await kubectl.try(args, { timeoutMs: LONGEST_MS });
    writeFileSync(join(directory, file), stdout + stderr);
  };
  const since = `--since-time=${world.since.toISOString()}`;
  const pods = await kubectl.list(["get", "pods", `--namespace=${driver}`]).catch(() => []);
  await Promise.all([
    save("events.txt", ["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"]),
    save("describe.txt", [
      "describe",
      "--namespace",
      here,
      "pods,persistentvolumeclaims,statefulsets.apps,deployments.apps",
    ]),
    save("objects.yaml", [
      "get",
      "--namespace",
      here,
      "--output=yaml",
      "pods,persistentvolumeclaims,volumesnapshots.snapshot.storage.k8s.io",
    ]),
    save("volumes.yaml", ["get", "persistentvolumes", "--output=yaml"]),
    save("nodes.txt", ["describe", "nodes"]),
    save("thinpools.yaml", ["get", "thinpools.dmthin.io", "--output=yaml"]),
    save("capacities.txt", ["get", "csistoragecapacities", "--all-namespaces", "--output=wide"]),
    save("driver-pods.txt", ["describe", "pods", `--namespace=${driver}`]),
    ...pods.map(nameOf).flatMap((pod) => {
      const logs = ["logs", pod, `--namespace=${driver}`, "--all-containers", "--prefix", "--timestamps"];
      return [
        save(`${pod}.log`, [...logs, since]),
        save(`${pod}.previous.log`, [...logs, "--previous", "--tail=500", "--ignore-errors"]),
      ];
    }),
  ]);
  return directory;
}
