/** Is the kernel one that dmthin can stand on? Pure. */
import { fail, ok, unknown, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

export interface KernelFacts {
  /** As `uname -r`. */
  readonly release: string;
  /** Lines of `dmsetup targets`, or why it did not answer. */
  readonly targets: readonly string[] | { readonly problem: string };
  /** Of /etc/modules-load.d and /etc/modules, one text. */
  readonly modulesAtBoot: string;
  /** Whether dm_thin_pool is built as a module; false: built in, or not there. */
  readonly isModule: boolean;
  /** Seconds; undefined: not loaded. */
  readonly noSpaceTimeout: number | undefined;
}

/** The oldest and the newest that the tests run on. */
const TESTED = { least: [6, 1], most: [7, 2] } as const;
const MODULE = "dm_thin_pool";
/** modprobe takes both spellings. */
const LOADED_AT_BOOT = /^\s*dm[-_]thin[-_]pool\s*$/m;

export function judgeKernel(facts: KernelFacts): readonly Finding[] {
  return [judgeRelease(facts.release), ...judgeTargets(facts), ...judgeTimeout(facts)];
}

function judgeRelease(release: string): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined)
    return unknown("kernel", `its release is not understood: ${release}`);
  const version = [Number(major), Number(minor)] as const;
  if (isBefore(version, TESTED.least))
    return warn(
      "kernel",
      `${release} is older than what dmthin is tested on (${TESTED.least.join(".")} to ${TESTED.most.join(".")})`,
      "use Debian 12 or newer, or its backported kernel",
    );
  return ok("kernel", isBefore(TESTED.most, version) ? `${release}, newer than the tests have` : release);
}

type Version = readonly [major: number, minor: number];
const isBefore = ([a, b]: Version, [c, d]: Version): boolean => a < c || (a === c && b < d);

function judgeTargets({ targets, modulesAtBoot, isModule }: KernelFacts): readonly Finding[] {
  if ("problem" in targets)
    return [
      fail(
        "device-mapper",
        `does not answer: ${targets.problem}`,
        "be root, load dm_mod, and have /dev/mapper/control; in a container: privileged, with the host's /dev",
      ),
    ];
  const missing = ["thin", "thin-pool"].filter(
    (name) => !targets.some((line) => line.startsWith(`${name} `)),
  );
  if (missing.length > 0)
    return [
      fail(
        "device-mapper",
        `the kernel has no target ${missing.join(" and ")}`,
        `modprobe ${MODULE}, and name it in /etc/modules-load.d/dmthin.conf; the driver does the first where it sees the node's /lib/modules`,
      ),
    ];
  const versions = targets
    .filter((line) => /^thin(?:-pool)? /.test(line))
    .map((line) => line.replaceAll(/\s+/g, " "));
  const there = ok("device-mapper", versions.join(", "));
  if (!isModule || LOADED_AT_BOOT.test(modulesAtBoot)) return [there];
  return [
    there,
    warn(
      "module at boot",
      `${MODULE} is loaded, and nothing says that it is after a reboot`,
      `echo ${MODULE} > /etc/modules-load.d/dmthin.conf`,
    ),
  ];
}

function judgeTimeout({ noSpaceTimeout }: KernelFacts): readonly Finding[] {
  if (noSpaceTimeout !== 0) return [];
  return [
    warn(
      "no_space_timeout",
      "is 0: writers of a full pool with whenFull: queue wait for ever, and so do their pods' ends",
      "echo 60 > /sys/module/dm_thin_pool/parameters/no_space_timeout",
    ),
  ];
}
