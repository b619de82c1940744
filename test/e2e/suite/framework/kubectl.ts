/** kubectl as a person calls it: arguments as an array, manifests on standard input. */
import { execa } from "execa";

import { untilJudged, type Watch } from "./watch.ts";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface CommandOptions {
  readonly input?: string;
  /** Ends the program then; 60 s unless given. */
  readonly timeoutMs?: number;
  /** Beside what this process has. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The least that is known of any object. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

/** A program that did not end with 0; the message has what it said. */
export class CommandError extends Error {
  readonly outcome: Outcome;
  constructor(words: string, outcome: Outcome) {
    super(`${words}: exit code ${outcome.code}: ${(outcome.stderr + outcome.stdout).trim().slice(-2000)}`);
    this.name = "CommandError";
    this.outcome = outcome;
  }
}

const TIMEOUT_MS = 60_000;

/** Runs a program to its end, whatever its exit code; a program that could not be started or took too long has -1. */
export async function command(
  program: string,
  args: readonly string[],
  { input = "", timeoutMs = TIMEOUT_MS, environment = {} }: CommandOptions = {},
): Promise<Outcome> {
  const { stdout, stderr, exitCode, timedOut, shortMessage } = await execa(program, args, {
    input,
    env: environment,
    timeout: timeoutMs,
    reject: false,
    stripFinalNewline: false,
  });
  const reason = timedOut
    ? `not within ${timeoutMs / 1000} s\n`
    : exitCode === undefined
      ? `${shortMessage}\n`
      : "";
  return { stdout, stderr: reason + stderr, code: exitCode ?? -1 };
}

export class Kubectl {
  readonly program: string;

  constructor(program: string) {
    this.program = program;
  }

  try(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return command(this.program, args, options);
  }

  /** What it printed. Throws CommandError where it fails. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const outcome = await this.try(args, options);
    if (outcome.code !== 0) throw new CommandError(`kubectl ${args.join(" ")}`, outcome);
    return outcome.stdout;
  }

  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run([...args, "--output=json"])) as T;
  }

  async list<T extends KubeObject>(args: readonly string[]): Promise<readonly T[]> {
    return (await this.json<{ readonly items: readonly T[] }>(args)).items;
  }

  /** Objects as a user would put them into a file. Strict: a field that the API does not know is an error. */
  async apply(namespace: string, ...objects: readonly KubeObject[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    await this.run(["apply", "--validate=strict", `--namespace=${namespace}`, "--filename=-"], { input });
  }

  /** Follows objects until `judge` returns something else than undefined. Throws after `timeoutMs`, with what was last seen. */
  watch<T extends KubeObject, R>(watch: Watch<T, R>): Promise<R> {
    return untilJudged(this, watch);
  }
}
