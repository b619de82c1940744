/**
 * A driver for the guard's tests, in a process of its own: arms the guard, suspends the device, prints `suspended`, and
 * stays until it is killed. A line on its input makes it disarm and print the verdict.
 *
 *   node guard-driver.ts '{"socket", "stateDirectory", "deadlineMs", "device": {"name", "uuid"}, "starts": true|false}'
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeSync } from "node:fs";

import { GuardClient } from "../../src/host/guard-client.ts";
import type { GuardedDevice } from "../../src/host/guard-protocol.ts";

export interface GuardDriverOptions {
  readonly socket: string;
  readonly stateDirectory: string;
  readonly deadlineMs: number;
  readonly device: GuardedDevice;
  /** Whether it starts the guard itself. */
  readonly starts: boolean;
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? "") as GuardDriverOptions;
  const { socket, stateDirectory, deadlineMs, device, starts } = options;
  const guard = new GuardClient({ socket, ...(starts ? { start: { stateDirectory } } : {}) });
  const armed = await guard.arm({ deadlineMs, devices: [device], mountPoints: [] });
  execFileSync("dmsetup", ["suspend", device.name]);
  writeSync(1, "suspended\n");
  await once(process.stdin, "data");
  writeSync(1, `${await armed.disarm()}\n`);
  process.exit();
}
