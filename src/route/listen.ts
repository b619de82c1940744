/** The port on which a node serves its controllers. */
import { promisify } from "node:util";
import { Server, type ServerCredentials, type ServerInterceptor } from "@grpc/grpc-js";
import { drain, LIMITS, type CsiServer, type Service } from "../csi/server.ts";

export interface ListenAddress {
  /** An IP address. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface PortServer extends Pick<CsiServer, "drain"> {
  /** As it was given. */
  readonly port: number;
}

/** A controller that is gone without a word is noticed, and its stream of reports given up. */
const KEEPALIVE = { "grpc.keepalive_time_ms": 30_000, "grpc.keepalive_timeout_ms": 10_000 };

/** Rejects where the address cannot be had. */
export async function listenOn(
  { host, port }: ListenAddress,
  services: readonly Service[],
  credentials: ServerCredentials,
  interceptors: readonly ServerInterceptor[] = [],
): Promise<PortServer> {
  const server = new Server({ ...LIMITS, ...KEEPALIVE, interceptors: [...interceptors] });
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const bind = promisify(server.bindAsync.bind(server));
  const bound = await bind(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`, credentials);
  return { port: bound, drain: ({ idle, withinMs }) => drain(server, idle, withinMs) };
}
