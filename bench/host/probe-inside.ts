/**
 * In a mount namespace of its own: starts drivers until each has answered a Probe, and prints what each start took as
 * JSON. `probe-inside.ts SCRATCH COUNT`. The pool is one that cannot be opened; Probe is answered all the same.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { connectCsi } from "../../test/support/csi-client.ts";
import { MAIN } from "../../test/support/dmthin-command.ts";

const LONGEST_MS = 60_000;
const [scratch = "", count = ""] = process.argv.slice(2);

/** Of one start. */
export interface Start {
  /** Until Probe was answered. */
  readonly ms: number;
  /** What all threads of the driver had computed by then. */
  readonly cpuMs: number;
}

const TICK_MS = 10;

/** utime and stime, the 14th and 15th field; the second is a name in parentheses. */
function cpuMsOf(pid: number): number {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [utime, stime] = fields.split(" ").slice(11, 13).map(Number);
  return ((utime ?? 0) + (stime ?? 0)) * TICK_MS;
}

async function start(round: number): Promise<Start> {
  const directory = join(scratch, String(round));
  mkdirSync(join(directory, "kubelet"), { recursive: true });
  const socket = join(directory, "csi.sock");
  const configuration = join(directory, "dmthin.yaml");
  const config = {
    nodeName: "probe",
    endpoint: `unix://${socket}`,
    kubeletDirectory: join(directory, "kubelet"),
    stateDirectory: join(directory, "state"),
    pools: [{ name: "absent", backing: "devices", devices: ["/dev/dmthin-bench-no-such-disk"] }],
  };
  writeFileSync(configuration, JSON.stringify(config)); // JSON is YAML
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, "all", "--config", configuration], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    while (!(existsSync(socket) && (await isAnswered(socket)))) {
      if (child.exitCode !== null) throw new Error(`the driver ended with ${child.exitCode}`);
      if (performance.now() - began > LONGEST_MS) throw new Error("the driver does not listen");
      await sleep(1);
    }
    return { ms: performance.now() - began, cpuMs: cpuMsOf(child.pid ?? 0) };
  } finally {
    const gone = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await gone;
  }
}

/** With a client of its own each time: one that came too early waits longer than the driver takes. */
async function isAnswered(socket: string): Promise<boolean> {
  const client = connectCsi(socket);
  try {
    await client.identity.probe({});
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

const starts: Start[] = [];
for (let round = 0; round < Number(count); round += 1) starts.push(await start(round));
console.log(JSON.stringify(starts));
process.exit(0);
