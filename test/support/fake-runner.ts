/** A runner without processes: command lines and what they answer, and a record of what was asked. */
import { type Runner, type RunOptions, settle } from "../../src/host/run.ts";
import type { Ended } from "../../src/host/start-process.ts";

/** What a command leaves behind; exit code 0 and no output unless given. */
export type FakeReply = Partial<Ended>;

export interface FakeCall {
  /** Tool and arguments, separated by single blanks. */
  readonly command: string;
  readonly options: RunOptions;
  /** The descriptors it would have inherited. */
  readonly fds: readonly number[];
}

export interface FakeRunner extends Runner {
  readonly calls: readonly FakeCall[];
  /** The command lines of `calls`. */
  readonly commands: readonly string[];
}

/**
 * Answers each command line from the table: a list answers one call after the other, its last reply for ever. A command
 * that is not in the table fails the test. Failures become ToolError as they do in the real runner.
 */
export function fakeRunner(table: Readonly<Record<string, FakeReply | readonly FakeReply[]>>): FakeRunner {
  const calls: FakeCall[] = [];
  const holding = (fds: readonly number[]): FakeRunner => ({
    calls,
    get commands() {
      return calls.map((call) => call.command);
    },
    get started() {
      return calls.length;
    },
    holding,
    run(tool, args, options = {}) {
      const argv = [tool, ...args];
      const command = argv.join(" ");
      const turn = calls.filter((call) => call.command === command).length;
      calls.push({ command, options, fds });
      const replies = Object.hasOwn(table, command) ? [table[command] ?? {}].flat() : [];
      const reply = replies[Math.min(turn, replies.length - 1)];
      if (reply === undefined)
        return Promise.reject(new Error(`the fake runner has no answer to: ${command}`));
      // Inside a promise: the real runner never throws at the call.
      return Promise.resolve().then(() =>
        settle(argv, { stdout: "", stderr: "", exitCode: 0, ...reply }, options.accept),
      );
    },
  });
  return holding([]);
}
