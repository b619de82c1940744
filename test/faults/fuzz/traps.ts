/** Paths that lead where the driver has no business, and what has to be there for them to do so. */
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";

import { readMountInfo } from "../../../src/host/mount-info.ts";
import type { CsiClient } from "../../support/csi-client.ts";
import { run } from "../../support/machine-state.ts";
import { outcomeOf } from "../../support/node-bench.ts";
import { capabilityOf, type TestVolume } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";

/** What a user of a volume, or a broken kubelet, could have put into kubelet's directory. `outside` lies beside it. */
export async function setTraps(kubelet: string, outside: string): Promise<void> {
  await mkdir(`${outside}/deep`, { recursive: true });
  await writeFile(`${outside}/deep/canary`, "sings");
  await symlink(outside, `${kubelet}/link`);
  await symlink(`${outside}/deep`, `${kubelet}/pods/link`);
  await symlink("../plugins", `${kubelet}/pods/inside`);
  await symlink("nowhere", `${kubelet}/dangling`);
  await writeFile(`${kubelet}/file`, "not empty");
}

/** Whatever a driver put there. */
export async function clearTraps(outside: string): Promise<void> {
  const mounts = readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${outside}/`));
  for (const { mountPoint } of mounts.toReversed()) await run("umount", mountPoint);
  await rm(outside, { recursive: true, force: true });
}

/** Behind kubelet's directory. */
const BESIDE = ["-outside/deep", "-outside/deep/canary", "", "/", "//pods/x", "/./x", "/pods/../../x"];
const LINKS = ["/link/deep", "/link", "/dangling", "/file/x", "/file"];
const ODD = ["/pods/x\0y", "/pods/x\ny", "/pods/-o", `/${"d/".repeat(2030)}`];

export const badPaths = (kubelet: string): readonly string[] => [
  ...[BESIDE, LINKS, ODD].flat().map((end) => `${kubelet}${end}`),
  "/",
  "pods/x",
  "/etc",
  "/proc/self/root/etc",
  "/dev/ubda",
  `file://${kubelet}/pods/x`,
];

const PLAIN = ["pods", "plugins", "new", "plugins/kubernetes.io"];
const TRICKS = [
  "..",
  ".",
  "",
  "link",
  "pods/link",
  "pods/inside",
  "dangling",
  "file",
  "a\nb",
  "x\0y",
  "../outside",
];

/** A path with at least one trick among its components; none may be acted on. */
export function trickyPath(random: Random, kubelet: string, outside: string): string {
  const components = Array.from({ length: random.between(0, 3) }, () => random.pick(PLAIN) ?? "");
  const start =
    random.pick([kubelet, kubelet, kubelet, outside, `${kubelet}/link`, `${kubelet}/pods/../..`]) ?? "";
  const at = random.between(0, components.length);
  // Below a link that leads to what is there, so that whoever follows it gets somewhere.
  const tail = random.chance(0.3) ? ["deep"] : [random.pick(PLAIN) ?? "new"];
  const trick = random.pick(TRICKS) ?? "..";
  return start === outside
    ? [start, "deep"].join("/")
    : [start, ...components.slice(0, at), trick, ...components.slice(at), ...tail].join("/");
}

/**
 * Every call that would act on a path, with one where none must. `used` is staged and published, `fresh` neither. Answers
 * what was done all the same.
 */
export async function useAsPath(
  { node }: CsiClient,
  { used, fresh, path }: { readonly used: TestVolume; readonly fresh: TestVolume; readonly path: string },
): Promise<readonly string[]> {
  const stage = node.nodeStageVolume({
    volume_id: fresh.id,
    staging_target_path: path,
    volume_capability: capabilityOf("ext4"),
  });
  const staged = await outcomeOf(stage);
  const publish = node.nodePublishVolume({
    volume_id: used.id,
    staging_target_path: used.stagingPath,
    target_path: path,
    volume_capability: capabilityOf("ext4", { mode: "SINGLE_NODE_MULTI_WRITER" }),
  });
  const published = await outcomeOf(publish);
  const unpublished = await outcomeOf(node.nodeUnpublishVolume({ volume_id: used.id, target_path: path }));
  // Nothing is unpublished where nothing is, however one gets there.
  const judged = existsSync(path) ? [staged, published, unpublished] : [staged, published];
  return judged
    .filter(({ code }) => code !== "INVALID_ARGUMENT")
    .map(({ code, details }) => `${JSON.stringify(path)}: ${code} ${details}`);
}
