/**
 * A driver for the lock's tests, in a process of its own: takes the lock PATH, prints "held" or why not, and stays until
 * it is killed. With a number of seconds it first starts a tool that inherits the lock and sleeps that long.
 *
 *   node lock-holder.ts PATH [SECONDS]
 */
import { takeLock } from "../../src/host/lock-file.ts";
import { createRunner } from "../../src/host/run.ts";
import { FLOCK_AND_SHELL } from "./flock-and-shell.ts";

const [path, seconds] = process.argv.slice(2);
if (path === undefined) throw new Error("which lock?");
const runner = createRunner(FLOCK_AND_SHELL);
const lock = await takeLock(runner, path, { waitMs: 0 });
if (seconds !== undefined) void runner.holding([lock.fd]).run("sync", ["-c", `echo; exec sleep ${seconds}`]);
// One turn later the tool runs: the process is started synchronously, the kernel has it by now.
setImmediate(() => process.stdout.write("held\n"));
setInterval(() => {}, 60_000);
