/**
 * The only place that starts processes: an absolute path, an argument array, a fixed environment, never a shell (what a
 * person would have typed himself has his own, `runAsTyped`).
 * A started command is never cancelled by its caller; only a deadline given with the command ends it, and a signal where
 * it may stop at any point.
 */
import { ToolError } from "../core/errors.ts";
import { errnoFrom } from "./errno.ts";
import { loadLibc } from "./libc.ts";
import { type ProcessIo, readProcessIo } from "./process-io.ts";
import { spawningProcesses } from "./spawn-process.ts";
import { type Ended, neverStarted, type StartProcess } from "./start-process.ts";
import { TOOL_DIRECTORIES, type ToolName, type Tools } from "./tools.ts";

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface RunOptions {
  /** Exit codes that are results, not failures; [0] unless given. */
  readonly accept?: readonly number[];
  /** SIGKILL at this age; the promise then rejects with errno ETIMEDOUT, whether or not the process could die. */
  readonly timeoutMs?: number;
  /** Called at that deadline, with a promise of the moment when the process is really gone: perhaps long after. */
  readonly onKilled?: (gone: Promise<void>) => void;
  /** Standard input; nothing unless given. */
  readonly input?: string;
  /** Ends it by SIGKILL. Only for commands that change nothing, or may stop anywhere. */
  readonly signal?: AbortSignal;
  /** Called once a second while it runs, with its age in milliseconds. Must not throw. */
  readonly onRunning?: (io: ProcessIo | undefined, ms: number) => void;
}

export interface Runner {
  /** Resolves with an accepted exit code, else rejects with ToolError (or EnvironmentError: tool not installed). */
  run(tool: ToolName, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * The same runner, but its processes inherit exactly these descriptors, the first as 3, the next as 4, …: a lock on
   * one of them lives as long as any such process, also when the driver dies.
   */
  holding(fds: readonly number[]): Runner;
  /** Processes started so far, by this runner and all made from it. */
  readonly started: number;
}

/** One ended command, for the log. `exitCode` is absent where a signal or a failed start ended it. */
export interface RunLine {
  readonly argv: readonly string[];
  readonly ms: number;
  readonly exitCode: number | undefined;
}

/** How long after SIGKILL the answer waits for the process to be really gone. */
const KILL_GRACE_MS = 1000;
const TELL_MS = 1000;

const ENVIRONMENT = {
  LC_ALL: "C",
  // libdm makes the nodes itself and uses no udev cookie: a cookie blocks for ever where udevd is out of reach.
  DM_DISABLE_UDEV: "1",
  PATH: TOOL_DIRECTORIES.join(":"),
};

/** Result or ToolError of an ended process: shared with tests, which feed captured output through it. */
export function settle(argv: readonly string[], ended: Ended, accept: readonly number[] = [0]): RunResult {
  const { exitCode, stdout, stderr } = ended;
  if (exitCode !== undefined && accept.includes(exitCode)) return { stdout, stderr, exitCode };
  throw new ToolError({ argv, exitCode, stderr, errno: ended.spawnErrno ?? errnoFrom(stderr) });
}

/** Execa is loaded only where it is needed: it is not small. */
const bestStart: StartProcess = startByLibc() ?? (await import("./fork-process.ts")).forkProcess;

function startByLibc(): StartProcess | undefined {
  const libc = loadLibc();
  return libc === undefined ? undefined : spawningProcesses(libc);
}

async function spawn(
  start: StartProcess,
  path: string,
  args: readonly string[],
  fds: readonly number[],
  options: RunOptions,
): Promise<Ended> {
  const { input, signal } = options;
  // A C string ends there: the process would get another argument than was meant.
  if (args.some((text) => text.includes("\0")))
    return neverStarted("not started: a NUL byte in its arguments", "EINVAL").ended;
  const { pid, ended, kill } = start({
    path,
    args,
    env: ENVIRONMENT,
    fds,
    ...(input === undefined ? {} : { input }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (options.onRunning !== undefined) tellOf(pid, ended, options.onRunning);
  if (options.timeoutMs === undefined) return ended;
  return withinDeadline(ended, options.timeoutMs, () => {
    kill();
    options.onKilled?.(ended.then(() => {}));
  });
}

function tellOf(
  pid: number | undefined,
  ended: Promise<unknown>,
  tell: NonNullable<RunOptions["onRunning"]>,
): void {
  const begin = performance.now();
  const timer = setInterval(
    () => tell(pid === undefined ? undefined : readProcessIo(pid), performance.now() - begin),
    TELL_MS,
  );
  void ended.finally(() => clearInterval(timer));
}

async function withinDeadline(ended: Promise<Ended>, timeoutMs: number, kill: () => void): Promise<Ended> {
  const inTime = await before(ended, timeoutMs);
  if (inTime !== undefined) return inTime;
  kill();
  const fate =
    (await before(ended, KILL_GRACE_MS)) === undefined ? "killed, but stuck in the kernel" : "killed";
  return {
    stdout: "",
    stderr: `no answer within ${timeoutMs} ms: ${fate}`,
    exitCode: undefined,
    spawnErrno: "ETIMEDOUT",
  };
}

async function before<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: expired, resolve: expire } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => expire(undefined), ms);
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** The runner of the process. `log` gets one line a command; it must not throw. */
export function createRunner(
  tools: Tools,
  log: (line: RunLine) => void = () => {},
  start: StartProcess = bestStart,
): Runner {
  let started = 0;
  const holding = (fds: readonly number[]): Runner => ({
    get started() {
      return started;
    },
    holding,
    async run(tool, args, options = {}) {
      const argv = [tool, ...args];
      const path = tools.path(tool);
      const begin = performance.now();
      started += 1;
      const ended = await spawn(start, path, args, fds, options);
      log({ argv, ms: performance.now() - begin, exitCode: ended.exitCode });
      return settle(argv, ended, options.accept);
    },
  });
  return holding([]);
}
