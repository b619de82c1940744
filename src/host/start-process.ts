/**
 * What it takes to start a process, and the two ways of it: posix_spawn where Node can call it, else fork. Both are for
 * run.ts alone.
 */

export interface Start {
  /** Absolute. */
  readonly path: string;
  /** Without the program's own name. */
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** The process has exactly these beside its standard ones: the first as 3, the next as 4, … */
  readonly fds: readonly number[];
  /** Standard input; nothing unless given. */
  readonly input?: string;
  /** Ends it by SIGKILL; one that is aborted already keeps it from starting. */
  readonly signal?: AbortSignal;
}

/** What a process left behind. `exitCode` is undefined where a signal ended it or it never started. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  /** Why it never started: ENOENT, EAGAIN, … */
  readonly spawnErrno?: string;
}

export interface StartedProcess {
  /** Undefined where it never started. */
  readonly pid: number | undefined;
  /** Resolves when it is gone and nobody holds its output open; never rejects. */
  readonly ended: Promise<Ended>;
  /** SIGKILL; nothing where it is gone. */
  readonly kill: () => void;
}

/** What stands for a process that there never was. */
export function neverStarted(stderr: string, spawnErrno?: string): StartedProcess {
  const ended = {
    stdout: "",
    stderr,
    exitCode: undefined,
    ...(spawnErrno === undefined ? {} : { spawnErrno }),
  };
  return { pid: undefined, ended: Promise.resolve(ended), kill: () => undefined };
}

/** Synchronous: when it returns, the kernel has the process. It runs in / with every signal as the kernel has it. */
export type StartProcess = (start: Start) => StartedProcess;

/** Of one output of a process; one that says more is killed. */
export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
