/** `dmthin doctor`: looks at the machine and changes nothing. Exit codes: docs/reference/commands.md. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { join } from "node:path";

import { readConfig, surroundingsOf } from "./config.ts";
import type { Config } from "./config.ts";
import { messageOf } from "./core/errors.ts";
import { formatJson } from "./core/json.ts";
import { judgeLimits, judgePropagation } from "./doctor/directories.ts";
import { fail, formatFindings, hasFailed, ok } from "./doctor/finding.ts";
import type { Finding } from "./doctor/finding.ts";
import { judgeKernel } from "./doctor/kernel.ts";
import { judgeLvm } from "./doctor/lvm-filter.ts";
import { judgeMultipath } from "./doctor/multipath.ts";
import { judgeDevices } from "./doctor/own-devices.ts";
import { judgeTools } from "./doctor/tools.ts";
import { listBlockDevices } from "./host/device-list.ts";
import { Dmsetup } from "./host/dmsetup.ts";
import { createRunner } from "./host/run.ts";
import { presentTools, seenTools } from "./host/tools.ts";

export interface DoctorOptions {
  readonly configuration: string;
  /** Where the host's files are, of which a container sees only what is mounted into it: `/` on the host. */
  readonly root: string;
  readonly json: boolean;
}

const SOUND = 0;
const ILL = 1;

/** Answers the exit code. */
export async function runDoctor(options: DoctorOptions): Promise<number> {
  const findings = await examine(options);
  process.stdout.write(
    options.json ? formatJson({ findings }) : formatFindings(findings, process.stdout.isTTY),
  );
  return hasFailed(findings) ? ILL : SOUND;
}

async function examine({ configuration, root }: DoctorOptions): Promise<readonly Finding[]> {
  const config = await configOf(configuration);
  const pools = "config" in config ? config.config.pools.map(({ name }) => name) : [];
  const kubeletDirectory = "config" in config ? config.config.kubeletDirectory : "/var/lib/kubelet";
  return [
    process.getuid?.() === 0 ? ok("root", "yes") : fail("root", "no", "run it as root, as the driver is"),
    config.finding,
    ...judgeTools(seenTools()),
    ...judgeKernel({
      release: release(),
      targets: await targets(),
      modulesAtBoot: modulesAtBoot(root),
      isModule: existsSync("/sys/module/dm_thin_pool/initstate"),
      noSpaceTimeout: numberIn("/sys/module/dm_thin_pool/parameters/no_space_timeout"),
    }),
    ...judgeDevices(
      listBlockDevices().flatMap(({ dm }) => dm ?? []),
      pools,
    ),
    judgeLvm({
      configuration: textOf(join(root, "etc/lvm/lvm.conf")),
      devicesFile: existsSync(join(root, "etc/lvm/devices/system.devices")),
    }),
    judgeMultipath(textOf(join(root, "etc/multipath.conf"))),
    judgePropagation({
      mountInfo: readFileSync("/proc/self/mountinfo", "utf8"),
      kubeletDirectory,
      hasKubelet: existsSync(kubeletDirectory),
    }),
    judgeLimits(readFileSync("/proc/self/limits", "utf8")),
  ];
}

async function configOf(
  path: string,
): Promise<{ readonly finding: Finding; readonly config: Config } | { readonly finding: Finding }> {
  try {
    const config = await readConfig(path, surroundingsOf(process.env, hostname()));
    const names = config.pools.map(({ name }) => name).join(", ");
    return { config, finding: ok("configuration", `${path} is valid; pools: ${names}`) };
  } catch (error) {
    return {
      finding: fail(
        "configuration",
        messageOf(error),
        `correct it; dmthin check-config ${path} shows every problem`,
      ),
    };
  }
}

async function targets(): Promise<readonly string[] | { readonly problem: string }> {
  try {
    const found = await new Dmsetup(createRunner(presentTools())).targets();
    return [...found].map(([name, version]) => `${name} ${version}`);
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function modulesAtBoot(root: string): string {
  const directories = ["etc/modules-load.d", "usr/lib/modules-load.d", "run/modules-load.d"].map((each) =>
    join(root, each),
  );
  const files = directories.flatMap((each) =>
    existsSync(each) ? readdirSync(each).map((name) => join(each, name)) : [],
  );
  return [join(root, "etc/modules"), ...files].map((file) => textOf(file) ?? "").join("\n");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function numberIn(path: string): number | undefined {
  const text = textOf(path)?.trim();
  return text === undefined || text === "" ? undefined : Number(text);
}
