/**
 * A driver for the lock's tests, in a process of its own: takes the lock PATH, prints "held" or why not, and stays until
 * it is killed. With a file's name it first starts a tool that inherits the lock and runs for as long as that file is there.
 *
 *   node lock-holder.ts PATH [FILE]
 */
import { takeLock } from "../../src/host/lock-file.ts";
import { createRunner } from "../../src/host/run.ts";
import { FLOCK_AND_SHELL } from "./flock-and-shell.ts";

const [path, file] = process.argv.slice(2);
if (path === undefined) throw new Error("which lock?");
const runner = createRunner(FLOCK_AND_SHELL);
const lock = await takeLock(runner, path, { waitMs: 0 });
if (file !== undefined)
  void runner.holding([lock.fd]).run("sync", ["-c", 'while [ -e "$0" ]; do sleep 0.05; done', file]);
// One turn later the tool runs: the process is started synchronously, the kernel has it by now.
setImmediate(() => process.stdout.write("held\n"));
setInterval(() => {}, 60_000);
