/** What all services are made of: the driver's parts, and the shape of their handlers. */
import type { MethodDefinition } from "@grpc/proto-loader";
import { PoolUnavailableError } from "../core/errors.ts";
import type { MountEngine } from "../mounts/engine.ts";
import type { PoolSet } from "../pool/engine.ts";
import type { DamageNotes } from "./damage.ts";
import type { Handler } from "./unary.ts";

export interface NodeFacts {
  /** CSI's node id. */
  readonly name: string;
  /** Of `topologyValue`. */
  readonly topology: string;
  /** 0: no limit. */
  readonly maxVolumes: number;
}

export interface Driver {
  readonly version: string;
  readonly node: NodeFacts;
  /** Undefined until they have been opened. */
  readonly pools: () => PoolSet | undefined;
  readonly mounts: MountEngine;
  /** Absent: nobody is told. */
  readonly damage?: DamageNotes;
}

/** The handlers of a service by its definition: requests as read from the wire, responses as written to it. */
export type Handlers<Definition> = {
  readonly [
    Name in keyof Definition as string extends Name ? never : Name
  ]: Definition[Name] extends MethodDefinition<infer _Sent, infer Response, infer Request, infer _Received>
    ? Handler<Request, Response>
    : never;
};

/** As soon as one pool is open: a broken pool must not take the others down. */
export const isReady = (driver: Driver): boolean => (driver.pools()?.pools.length ?? 0) > 0;

/** Throws PoolUnavailableError during the start: callers retry. */
export function requireOpened(driver: Pick<Driver, "pools">): PoolSet {
  const pools = driver.pools();
  if (pools === undefined) throw new PoolUnavailableError("the pools are being opened; retry");
  return pools;
}
