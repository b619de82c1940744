import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectCsi, type CsiClient } from "./csi-client.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const READY_MS = 90_000;
const STOP_MS = 40_000;

/** Keys of docs/reference/configuration.md. */
export type RawConfig = Readonly<Record<string, unknown>>;

export interface DriverOptions {
  /** Absolute; must lie on a filesystem with direct I/O. Socket, log, state and kubelet's directory are made in it. */
  readonly directory: string;
  readonly pools: readonly RawConfig[];
  /** `<directory>/kubelet` unless given. Made if missing. */
  readonly kubeletDirectory?: string;
  /** Other keys of the configuration. */
  readonly config?: RawConfig;
  /** Resolve as soon as the socket answers, ready or not; otherwise when Probe is ready. */
  readonly untilListening?: boolean;
  readonly environment?: NodeJS.ProcessEnv;
  /** `all` unless given. A controller has no pools: its configuration is `config`. */
  readonly role?: "all" | "node" | "controller";
  /** What to start instead of this repository's program, before the words of the command. */
  readonly program?: readonly string[];
  /** Directory of a cgroup: the driver and all that it starts are born in it. */
  readonly cgroup?: string;
}

/** `dmthin all`, or another role, as a process of its own. */
export interface TestDriver {
  readonly client: CsiClient;
  /** For CSI_ENDPOINT. */
  readonly endpoint: string;
  readonly kubeletDirectory: string;
  readonly pid: number;
  /** The path of what it printed, of all starts in this directory. */
  readonly log: string;
  /** SIGTERM; answers the exit code. Throws if it does not end in time. */
  stop(): Promise<number>;
  /** SIGKILL; answers when it is gone. */
  kill(): Promise<void>;
}

/** A loop pool in `<directory>/<name>`; `dataSize` as in the configuration. */
export const loopPool = (directory: string, name: string, dataSize: string): RawConfig => ({
  name,
  backing: "loop",
  directory: join(directory, name),
  dataSize,
});

/** Gives the driver of that directory other pools while it runs, as an editor or a ConfigMap does it. */
export function reconfigurePools(directory: string, pools: readonly RawConfig[]): void {
  const path = join(directory, "dmthin.yaml");
  const config = JSON.parse(readFileSync(path, "utf8")) as RawConfig;
  writeFileSync(`${path}.new`, JSON.stringify({ ...config, pools }));
  renameSync(`${path}.new`, path);
}

/** Throws with the end of the log where the driver ends, or is not ready in time. */
export async function startDriver(options: DriverOptions): Promise<TestDriver> {
  const { directory } = options;
  const kubeletDirectory = options.kubeletDirectory ?? join(directory, "kubelet");
  const endpoint = `unix://${join(directory, "csi.sock")}`;
  mkdirSync(kubeletDirectory, { recursive: true });
  const own = { endpoint, logLevel: "debug" };
  const node = {
    nodeName: "test-node",
    kubeletDirectory,
    stateDirectory: join(directory, "state"),
    pools: options.pools,
  };
  const config = { ...own, ...(options.role === "controller" ? {} : node), ...options.config };
  // JSON is YAML.
  const configuration = join(directory, "dmthin.yaml");
  writeFileSync(configuration, JSON.stringify(config, undefined, 2));
  const log = join(directory, "driver.log");
  const child = spawnDriver(configuration, log, options);
  const client = connectCsi(endpoint);
  try {
    await untilUp(child, client, options.untilListening ?? false, log);
  } catch (error) {
    client.close();
    child.kill("SIGKILL");
    throw error;
  }
  return {
    client,
    endpoint,
    kubeletDirectory,
    pid: child.pid ?? 0,
    log,
    stop: () => stop(child, client, log),
    kill: async () => {
      client.close();
      const gone = untilGone(child);
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** In a session of its own, so that Ctrl-C reaches who started it and not the driver. */
function spawnDriver(
  configuration: string,
  log: string,
  {
    environment = {},
    cgroup,
    role = "all",
    program: dmthin = [process.execPath, MAIN],
  }: Pick<DriverOptions, "environment" | "cgroup" | "role" | "program">,
): ChildProcess {
  const output = openSync(log, "a");
  const program = [...dmthin, role, "--config", configuration];
  const enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"'];
  const [command = "", ...args] = cgroup === undefined ? program : [...enter, cgroup, ...program];
  const child = spawn(command, args, {
    stdio: ["ignore", output, output],
    detached: true,
    env: { ...process.env, ...environment },
  });
  closeSync(output);
  return child;
}

async function untilUp(
  child: ChildProcess,
  client: CsiClient,
  listening: boolean,
  log: string,
): Promise<void> {
  const end = performance.now() + READY_MS;
  for (;;) {
    if (hasEnded(child)) throw new Error(`the driver ended with ${child.exitCode}:\n${lastLines(log)}`);
    if (performance.now() > end) throw new Error(`the driver is not ready:\n${lastLines(log)}`);
    const answer = await client.identity.probe({}, { deadlineMs: 2000 }).catch(() => undefined);
    if (answer !== undefined && (listening || answer.ready?.value === true)) return;
    await sleep(50);
  }
}

async function stop(child: ChildProcess, client: CsiClient, log: string): Promise<number> {
  client.close();
  const gone = untilGone(child);
  child.kill("SIGTERM");
  const late = sleep(STOP_MS, "late", { ref: false });
  if ((await Promise.race([gone, late])) === "late") {
    child.kill("SIGKILL");
    throw new Error(`the driver did not end within ${STOP_MS / 1000} s of SIGTERM:\n${lastLines(log)}`);
  }
  return child.exitCode ?? -1;
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function untilGone(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, "exit");
}

/** The end of a log, for the message of a failure. */
export function lastLines(log: string, count = 30): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
