/** The contract by reflection: every rpc of proto/csi.proto with the messages it takes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import protobuf from "protobufjs";

export interface Rpc {
  /** `CreateVolume`. */
  readonly name: string;
  /** `/csi.v1.Controller/CreateVolume`. */
  readonly path: string;
  readonly request: protobuf.Type;
  readonly response: protobuf.Type;
}

/** A message as protobufjs takes it. */
export type Message = Readonly<Record<string, unknown>>;

const SOURCE = join(import.meta.dirname, "../../../proto/csi.proto");
/** Streams, which nobody serves yet. */
const NOT_SERVED = new Set(["SnapshotMetadata"]);

function load(): protobuf.Root {
  const { root } = protobuf.parse(readFileSync(SOURCE, "utf8"), { keepCase: true });
  for (const name of ["timestamp", "wrappers"])
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
  return root;
}

function rpcsOf(service: protobuf.Service): readonly Rpc[] {
  return service.methodsArray.map((method) => ({
    name: method.name,
    path: `/csi.v1.${service.name}/${method.name}`,
    request: service.lookupType(method.requestType),
    response: service.lookupType(method.responseType),
  }));
}

const contract = load().lookup("csi.v1");
const services = contract instanceof protobuf.Namespace ? contract.nestedArray : [];

/** All that a driver of one node serves. */
export const RPCS: readonly Rpc[] = services
  .filter((each) => each instanceof protobuf.Service)
  .filter(({ name }) => !NOT_SERVED.has(name))
  .flatMap(rpcsOf);

/** As it goes over the wire. Fields that the type does not have are left out. */
export function encode(type: protobuf.Type, message: Message): Buffer {
  return Buffer.from(type.encode(type.fromObject({ ...message })).finish());
}
