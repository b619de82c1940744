/**
 * Starting a process by posix_spawn: the new one borrows our memory until it has its own program, so nothing of ours is
 * copied, however large the driver is (docs/adr/0024-posix-spawn.md).
 */
import { Socket } from "node:net";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";

import { type Libc, Memory } from "./libc.ts";
import { Reaper } from "./reaper.ts";
import {
  type Ended,
  MAX_OUTPUT_BYTES,
  neverStarted,
  type Start,
  type StartProcess,
} from "./start-process.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2_000_000;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
/** More than any C library needs for its attributes, file actions or set of signals. */
const OPAQUE_BYTES = 512;

interface Pipe {
  readonly read: number;
  readonly write: number;
}

export function spawningProcesses(libc: Libc): StartProcess {
  const reaper = new Reaper(libc);
  const attributes = plainSignals(libc);
  return (start) => {
    if (start.signal?.aborted === true) return neverStarted("not started: no longer wanted");
    const pipes = openPipes(libc, start.input === undefined ? 2 : 3);
    if (pipes === undefined) return neverStarted("not started: no pipe", "EMFILE");
    const [out, err, into] = pipes;
    const { pid, error } = spawn(libc, attributes, start, [into?.read, out.write, err.write, ...start.fds]);
    for (const fd of [out.write, err.write, ...(into === undefined ? [] : [into.read])]) libc.call.close(fd);
    if (error !== 0) {
      for (const fd of [out.read, err.read, ...(into === undefined ? [] : [into.write])]) libc.call.close(fd);
      return neverStarted("not started", getSystemErrorName(-error));
    }
    const gone = reaper.wait(pid);
    const kill = (): void => reaper.kill(pid);
    if (into !== undefined) give(into.write, start.input ?? "");
    start.signal?.addEventListener("abort", kill, { once: true });
    const ended = endOf(gone, collect(out.read, kill), collect(err.read, kill)).finally(() =>
      start.signal?.removeEventListener("abort", kill),
    );
    return { pid, ended, kill };
  };
}

/** No signal blocked or ignored, as Node itself has some. Held as long as this process lives. */
function plainSignals(libc: Libc): { readonly address: bigint; readonly memory: Memory } {
  const memory = new Memory(libc, 3 * OPAQUE_BYTES);
  const [address, all, none] = [
    memory.space(OPAQUE_BYTES),
    memory.space(OPAQUE_BYTES),
    memory.space(OPAQUE_BYTES),
  ];
  libc.call.posix_spawnattr_init(address);
  libc.call.sigfillset(all);
  libc.call.posix_spawnattr_setsigdefault(address, all);
  libc.call.posix_spawnattr_setsigmask(address, none);
  libc.call.posix_spawnattr_setflags(address, SETSIGDEF | SETSIGMASK);
  return { address, memory };
}

/** The end that we keep and the end that the process gets, of its two outputs and, of three, its input. */
function openPipes(libc: Libc, count: 2 | 3): readonly [Pipe, Pipe, Pipe?] | undefined {
  const pipes: Pipe[] = [];
  for (let index = 0; index < count; index += 1) {
    const memory = new Memory(libc, 8);
    const pair = memory.space(8);
    // With these arguments it fails for want of descriptors alone.
    if (libc.call.pipe2(pair, O_CLOEXEC) !== 0) break;
    pipes.push({ read: memory.int(pair), write: memory.int(pair + 4n) });
  }
  const [out, err, into] = pipes;
  if (out !== undefined && err !== undefined && pipes.length === count)
    return into === undefined ? [out, err] : [out, err, into];
  for (const { read, write } of pipes) [read, write].forEach((fd) => libc.call.close(fd));
  return undefined;
}

/** `sources` become its descriptors 0, 1, 2, …; without a source it is the empty device. */
function spawn(
  libc: Libc,
  attributes: { readonly address: bigint },
  { path, args, env }: Start,
  sources: readonly (number | undefined)[],
): { readonly pid: number; readonly error: number } {
  const argv = [path, ...args];
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const memory = new Memory(libc, Memory.sizeOf([...argv, ...environment]) + 2 * OPAQUE_BYTES);
  const [actions, pid] = [memory.space(OPAQUE_BYTES), memory.space(8)];
  const { call } = libc;
  if (call.posix_spawn_file_actions_init(actions) !== 0) return { pid: 0, error: constants.errno.ENOMEM };
  let error: number;
  try {
    error =
      call.posix_spawn_file_actions_addchdir_np(actions, memory.text("/")) ||
      arrange(libc, actions, memory.text("/dev/null"), sources) ||
      call.posix_spawn(
        pid,
        memory.text(path),
        actions,
        attributes.address,
        memory.texts(argv),
        memory.texts(environment),
      );
  } finally {
    call.posix_spawn_file_actions_destroy(actions);
  }
  return { pid: memory.int(pid), error };
}

/** First all are put where nothing is, then where they belong: a source may have the number that another is to get. */
function arrange(
  { call }: Libc,
  actions: bigint,
  empty: bigint,
  sources: readonly (number | undefined)[],
): number {
  const above = Math.max(sources.length, ...sources.map((fd) => fd ?? 0)) + 1;
  let error = 0;
  sources.forEach((fd, target) => {
    if (fd !== undefined) error ||= call.posix_spawn_file_actions_adddup2(actions, fd, above + target);
  });
  sources.forEach((fd, target) => {
    if (fd === undefined)
      error ||= call.posix_spawn_file_actions_addopen(actions, target, empty, O_RDONLY, 0);
    else {
      error ||= call.posix_spawn_file_actions_adddup2(actions, above + target, target);
      error ||= call.posix_spawn_file_actions_addclose(actions, above + target);
    }
  });
  return error;
}

function give(fd: number, text: string): void {
  const socket = new Socket({ fd, readable: false, writable: true });
  // A process need not read what it is given.
  socket.on("error", () => undefined);
  socket.end(text);
}

interface Output {
  readonly text: string;
  readonly tooMuch: boolean;
}

function collect(fd: number, kill: () => void): Promise<Output> {
  const { promise, resolve } = Promise.withResolvers<Output>();
  const chunks: Buffer[] = [];
  let size = 0;
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    else kill();
  });
  socket.on("error", () => undefined);
  socket.on("close", () =>
    resolve({ text: Buffer.concat(chunks).toString(), tooMuch: size > MAX_OUTPUT_BYTES }),
  );
  return promise;
}

async function endOf(
  gone: Promise<number | undefined>,
  out: Promise<Output>,
  err: Promise<Output>,
): Promise<Ended> {
  const [status, stdout, stderr] = await Promise.all([gone, out, err]);
  const signal = status === undefined ? undefined : status & 0x7f;
  if (status !== undefined && signal === 0)
    return { stdout: stdout.text, stderr: stderr.text, exitCode: (status >> 8) & 0xff };
  const [name = "an unknown cause"] =
    Object.entries(constants.signals).find(([, number]) => number === signal) ?? [];
  const why = stdout.tooMuch || stderr.tooMuch ? "more than 64 MiB of output" : name;
  return { stdout: stdout.text, stderr: stderr.text || `ended by ${why}`, exitCode: undefined };
}
