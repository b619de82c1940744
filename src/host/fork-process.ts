/** Starting a process by fork, which is what node:child_process does; where `node:ffi` is not to be had. */
import { execa } from "execa";

import { type Ended, MAX_OUTPUT_BYTES, type StartProcess } from "./start-process.ts";

/** True of every open file; execa passes any descriptor on, but its types know the lowest ones only. */
const isDescriptor = (fd: number): fd is 3 => fd >= 0;

export const forkProcess: StartProcess = ({ path, args, env, fds, input, signal }) => {
  const child = execa(path, args, {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe", ...fds.filter(isDescriptor)],
    ...(input === undefined ? {} : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal, killSignal: "SIGKILL" }),
    env,
    extendEnv: false,
    cwd: "/",
    reject: false,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT_BYTES,
    // A step once begun is finished, also when the driver ends; the next driver waits for it by the inherited lock.
    cleanup: false,
  });
  const ended = child.then((result): Ended => {
    const { exitCode, code, stdout, stderr } = result;
    const note = exitCode === undefined && stderr === "" ? (result.shortMessage ?? "") : stderr;
    return { stdout, stderr: note, exitCode, ...(code === undefined ? {} : { spawnErrno: code }) };
  });
  return { pid: child.pid, ended, kill: () => void child.kill("SIGKILL") };
};
