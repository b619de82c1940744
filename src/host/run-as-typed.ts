/** Starting a program as the person who typed a command would have; the driver starts nothing so. */
import { execa } from "execa";

import { type Ended, MAX_OUTPUT_BYTES } from "./start-process.ts";

/**
 * What whoever typed a command would have run next: found on his PATH, with his environment and in his directory. For the
 * plugin of kubectl, which acts in his name; the driver starts nothing so.
 * `shown`: its output goes where the command's own goes, and is in no answer.
 */
export async function runAsTyped(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly shown?: boolean } = {},
): Promise<Ended> {
  const { timeoutMs, shown = false } = options;
  const output = shown ? "inherit" : "pipe";
  const result = await execa(program, args, {
    stdio: [shown ? "inherit" : "ignore", output, output],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" }),
    reject: false,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const { exitCode, code, stdout = "", stderr = "", shortMessage = "", timedOut } = result;
  return {
    stdout,
    stderr: timedOut
      ? `no answer within ${timeoutMs} ms`
      : stderr === "" && exitCode === undefined
        ? shortMessage
        : stderr,
    exitCode,
    ...(code === undefined ? {} : { spawnErrno: code }),
  };
}
