/** The services of one driver, ready for a grpc-js server. */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { controllerHandlers } from "./controller.ts";
import { keepUndecodable, requireDecoded } from "./decode.ts";
import { isReady, type Driver } from "./driver.ts";
import { groupHandlers } from "./group.ts";
import { identityHandlers } from "./identity.ts";
import { nodeHandlers } from "./node.ts";
import { loadCsi } from "./proto.ts";
import type { Service } from "./server.ts";
import { unary, type CallInfo, type UnaryOptions } from "./unary.ts";

/** SnapshotMetadata is not built: it is not served, and Identity does not claim it. */
export function csiServices(driver: Driver, options: UnaryOptions): readonly Service[] {
  const { Identity, Node } = loadCsi();
  const identity = { version: driver.version, ready: () => isReady(driver) };
  return [
    serviceOf(Identity, identityHandlers(identity), options),
    ...routedServices(driver, options),
    serviceOf(Node, nodeHandlers(driver), options),
  ];
}

/** What a controller forwards to this node: all but mounts, which are kubelet's alone. */
export function routedServices(driver: Driver, options: UnaryOptions): readonly Service[] {
  const { Controller, GroupController } = loadCsi();
  return [
    serviceOf(Controller, controllerHandlers(driver), options),
    serviceOf(GroupController, groupHandlers(driver), options),
  ];
}

/** As a method, whose parameter may be any message: each definition serializes for the handlers it was typed with. */
interface AnyHandler {
  handle(request: object, call: CallInfo): Promise<object>;
}
type AnyHandlers = Readonly<Record<string, AnyHandler["handle"]>>;

/** `handlers`: of unary methods only. */
export function serviceOf(
  definition: ServiceDefinition,
  handlers: AnyHandlers,
  options: UnaryOptions,
): Service {
  const methods = Object.entries(handlers).map(([name, handler]) => {
    const decoded: AnyHandler["handle"] = (request, call) => handler(requireDecoded(request), call);
    return [name, unary(name, decoded, options)] as const;
  });
  return { definition: keepUndecodable(definition), implementation: Object.fromEntries(methods) };
}
