/**
 * The CSI socket. One path, mode 0600 from the first instant; a socket left by a dead driver is replaced, one that a
 * living process answers on is not.
 */
import { lstat, mkdir, stat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { EnvironmentError, InvalidRequestError } from "../core/errors.ts";

/** A service of the contract with its grpc-js handlers (see unary.ts). */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface CsiServer {
  /** Where it listens. */
  readonly path: string;
  /**
   * Accepts nothing new, waits for the calls under way and for `idle`, at most `withinMs` in all, then cuts what is
   * left. The socket is gone afterwards. Answers whether everything had ended by itself.
   */
  drain(options: { readonly idle: () => Promise<void>; readonly withinMs: number }): Promise<boolean>;
}

const ONLY_OWNER = 0o600;

/**
 * What one caller can make the driver hold. Decoded, a message of many empty parts is a hundred times as large; the
 * largest that anybody needs, a topology of ten thousand nodes, is below this. Sidecars have a hundred calls under way.
 */
const LIMITS = {
  "grpc.max_receive_message_length": 2 * 1024 * 1024,
  "grpc.max_concurrent_streams": 256,
};

/**
 * Listens at `path` (absolute) and serves. Throws InvalidRequestError where it does not end in `.sock`, as CSI demands;
 * EnvironmentError where another process listens there, or something else lies there.
 * Nothing else may create files meanwhile: the process's umask is narrowed around the bind.
 */
export async function listen(path: string, services: readonly Service[]): Promise<CsiServer> {
  if (!path.endsWith(".sock")) throw new InvalidRequestError("endpoint", `${path} does not end in .sock`);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await removeStaleSocket(path);
  const server = new Server(LIMITS);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  await bind(server, path);
  return {
    path,
    drain: ({ idle, withinMs }) => drain(server, idle, withinMs),
  };
}

async function bind(server: Server, path: string): Promise<void> {
  const before = process.umask(0o777 & ~ONLY_OWNER);
  try {
    await promisify(server.bindAsync.bind(server))(`unix:${path}`, ServerCredentials.createInsecure());
  } catch (cause) {
    throw new EnvironmentError(`cannot listen at ${path}: is its directory writable?`, { cause });
  } finally {
    process.umask(before);
  }
  const { mode } = await stat(path);
  if ((mode & 0o777) === ONLY_OWNER) return;
  server.forceShutdown();
  throw new EnvironmentError(`${path} did not get mode 0600 from its filesystem: put the socket elsewhere`);
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new EnvironmentError(`${path} is not a socket: move it away, or choose another endpoint`);
  if (await somebodyListens(path)) {
    throw new EnvironmentError(`another process listens at ${path}: is a second dmthin running?`);
  }
  await unlink(path).catch(ignoreMissing);
}

function somebodyListens(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  socket.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
    // A listener with a full backlog answers EAGAIN: it lives.
    else if (error.code === "EAGAIN") resolve(true);
    else reject(new EnvironmentError(`cannot tell whether somebody listens at ${path}`, { cause: error }));
  });
  return promise.finally(() => socket.destroy());
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}

async function drain(server: Server, idle: () => Promise<void>, withinMs: number): Promise<boolean> {
  const ended = promisify(server.tryShutdown.bind(server))()
    .then(idle)
    .then(() => true);
  const late = sleep(withinMs, false, { ref: false });
  const clean = await Promise.race([ended, late]);
  if (!clean) server.forceShutdown();
  return clean;
}
