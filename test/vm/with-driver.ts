/**
 * `make shell` and `make run`, inside the test kernel: `dmthin all` with a loop pool, and beside it a shell, or one
 * command given as a shell's text. CSI_ENDPOINT is set; the exit code comes back.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lastLines, loopPool, startDriver } from "../support/driver.ts";

const scratch = process.env["DMTHIN_SCRATCH"];
if (scratch === undefined) throw new Error("DMTHIN_SCRATCH is not set: use `make shell` or `make run`");
const [command] = process.argv.slice(2);

const directory = join(scratch, "driver");
mkdirSync(directory, { recursive: true });
const driver = await startDriver({ directory, pools: [loopPool(directory, "pool", "100GiB")] });
const { endpoint, kubeletDirectory, log } = driver;
if (command === undefined) {
  console.log(`dmthin listens at ${endpoint}; its log: ${log}; kubelet's directory: ${kubeletDirectory}`);
  console.log("try: node demo/csi.ts GetCapacity; dmsetup status; exit to end");
}
// Ctrl-C is for the shell and what it runs.
process.on("SIGINT", () => {});
const shell = spawn("bash", command === undefined ? ["-i"] : ["-c", command], {
  stdio: "inherit",
  env: {
    ...process.env,
    CSI_ENDPOINT: endpoint,
    DMTHIN_KUBELET_DIRECTORY: kubeletDirectory,
    DMTHIN_LOG: log,
    PS1: "dmthin \\w # ",
  },
});
const [code, signal] = (await once(shell, "close")) as [number | null, NodeJS.Signals | null];
const ended = await driver.stop().catch((error: unknown) => String(error));
if (ended !== 0) console.error(`the driver did not end well (${ended}):\n${lastLines(log)}`);
process.exit(code ?? (signal === null ? 1 : 128));
