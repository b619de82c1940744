/**
 * The CSI socket. One path, for its owner only, see `host/unix-socket.ts`.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { InvalidRequestError } from "../core/errors.ts";
import { bindForOwner, removeStaleSocket } from "../host/unix-socket.ts";

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

/**
 * What one caller can make the driver hold. Decoded, a message of many empty parts is a hundred times as large; the
 * largest that anybody needs, a topology of ten thousand nodes, is below this. Sidecars have a hundred calls under way.
 */
export const LIMITS = {
  "grpc.max_receive_message_length": 2 * 1024 * 1024,
  "grpc.max_concurrent_streams": 256,
};

/**
 * Listens at `path` (absolute) and serves. Throws InvalidRequestError where it does not end in `.sock`, as CSI demands;
 * EnvironmentError where another process listens there, or something else lies there.
 */
export async function listen(path: string, services: readonly Service[]): Promise<CsiServer> {
  if (!path.endsWith(".sock")) throw new InvalidRequestError("endpoint", `${path} does not end in .sock`);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await removeStaleSocket(path);
  const server = new Server(LIMITS);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const bind = promisify(server.bindAsync.bind(server));
  await bindForOwner(
    path,
    () => bind(`unix:${path}`, ServerCredentials.createInsecure()),
    () => server.forceShutdown(),
  );
  return {
    path,
    drain: ({ idle, withinMs }) => drain(server, idle, withinMs),
  };
}

export async function drain(server: Server, idle: () => Promise<void>, withinMs: number): Promise<boolean> {
  const ended = promisify(server.tryShutdown.bind(server))()
    .then(idle)
    .then(() => true);
  const late = sleep(withinMs, false, { ref: false });
  const clean = await Promise.race([ended, late]);
  if (!clean) server.forceShutdown();
  return clean;
}
