/** `dmthin …` as a process of its own, to its end: as a person on the node types it. */
import { execFile } from "node:child_process";
import { join } from "node:path";

export const MAIN = join(import.meta.dirname, "../../src/main.ts");

export interface Ended {
  /** -1: a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function dmthinCommand(
  words: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = execFile(process.execPath, [MAIN, ...words], { env: environment }, (_error, stdout, stderr) =>
    resolve({ code: child.exitCode ?? -1, stdout, stderr }),
  );
  return promise;
}
