import { execFileSync } from "node:child_process";

/** Runs a command of the test's own; returns what it printed, trimmed. Throws where it fails. */
export function sh(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}
