/** Mounts that have to reach the pods, and where the driver keeps its locks. Pure. */
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

export interface MountFacts {
  /** The text of /proc/self/mountinfo. */
  readonly mountInfo: string;
  readonly kubeletDirectory: string;
  /** Whether it exists. */
  readonly hasKubelet: boolean;
}

/** A mount made below the kubelet's directory must be seen by the kubelet: the mount that holds it has to be shared. */
export function judgePropagation({ mountInfo, kubeletDirectory, hasKubelet }: MountFacts): Finding {
  const check = "mount propagation";
  if (!hasKubelet)
    return warn(
      check,
      `${kubeletDirectory} does not exist`,
      "set kubeletDirectory to the kubelet's --root-dir; without Kubernetes it is made when it is needed",
    );
  const mounts = mountInfo.split("\n").map((each) => each.split(" "));
  // A container may have these two alone: kubelet's credentials are beside them.
  const holders = ["plugins", "pods"].map((name) => holderOf(`${kubeletDirectory}/${name}`, mounts));
  const hidden = holders.find((line) => !isShared(line));
  if (hidden === undefined) {
    const points = [...new Set(holders.map((line) => line[4] ?? "/"))].join(" and ");
    return ok(check, `${points} shared: mounts below ${kubeletDirectory} reach the pods`);
  }
  return fail(
    check,
    `${hidden[4] ?? "/"} is not shared: what is mounted below ${kubeletDirectory} is seen by nobody else`,
    "mountPropagation: Bidirectional for that hostPath; on the host: mount --make-rshared /",
  );
}

type MountLine = readonly string[];

/** The mount that a path is on. */
const holderOf = (path: string, mounts: readonly MountLine[]): MountLine =>
  mounts
    .filter(([, , , , point = ""]) => isBelow(path, point))
    // Of mounts on one point the last is seen.
    .reduce<MountLine>((best, each) => ((each[4] ?? "").length >= (best[4] ?? "").length ? each : best), []);

const isShared = (line: MountLine): boolean =>
  line.slice(6, line.indexOf("-", 6)).some((tag) => tag.startsWith("shared:"));

const isBelow = (path: string, point: string): boolean =>
  point === "/" || path === point || path.startsWith(`${point}/`);

/** Descriptors that a process may have: each tool that holds the pool's locks takes some. */
export function judgeLimits(limits: string): Finding {
  const [, soft = ""] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  const check = "open files";
  if (soft === "unlimited" || Number(soft) >= LEAST_FILES) return ok(check, `limit ${soft}`);
  return warn(check, `the limit is ${soft}`, `ulimit -n ${LEAST_FILES}, or LimitNOFILE= of the unit`);
}

const LEAST_FILES = 4096;
