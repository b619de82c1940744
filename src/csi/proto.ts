import { join } from "node:path";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type {
  ControllerDefinition,
  GroupControllerDefinition,
  IdentityDefinition,
  NodeDefinition,
  ProtoGrpcType,
  SnapshotMetadataDefinition,
} from "../generated/csi.ts";

/** The CSI services, as a grpc-js server (`addService`) or client takes them. */
export type CsiServices = {
  readonly Identity: IdentityDefinition;
  readonly Controller: ControllerDefinition;
  readonly GroupController: GroupControllerDefinition;
  readonly Node: NodeDefinition;
  readonly SnapshotMetadata: SnapshotMetadataDefinition;
};

/** How messages look in memory; proto/generate.ts makes the types for exactly these options. */
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true } as const;

const loaded = new Map<"csi" | "dmthin", unknown>();

/**
 * What grpc-js makes of proto/<contract>.proto: of its generated type `ProtoGrpcType`. Parsed once: that takes
 * milliseconds, in which nothing else runs. Throws as `loadCsi` does.
 */
export function loadContract(contract: "csi" | "dmthin"): unknown {
  const known = loaded.get(contract);
  if (known !== undefined) return known;
  const file = join(import.meta.dirname, `../../proto/${contract}.proto`);
  const parsed = loadPackageDefinition(loadSync(file, options));
  loaded.set(contract, parsed);
  return parsed;
}

/**
 * Loads proto/csi.proto. What a handler or client reads from the wire (`…__Output` types) then looks like this:
 *
 * - field names in snake_case, as in the contract;
 * - int64: decimal string, exact; "0" if unset. Writing takes a string, or a number below 2^53;
 * - unset message, wrapper (`ready`, `maximum_volume_size`) or timestamp: null; map: {}; list: []; string: "";
 * - oneof: the chosen member is present, the others are absent, and a field of the oneof's own name
 *   (`access_type`, `type`) says which; nothing chosen: all of them absent;
 * - enum: the name of the value. A number that the contract does not know arrives as that number, whatever the type
 *   says: compare with the names that are allowed, never with those that are not.
 *
 * @throws Error if the file cannot be read or parsed: the installation is broken, nothing to recover.
 */
export function loadCsi(): CsiServices {
  // The types are generated from the very file that is loaded; `generate:check` and test/unit/csi/proto.test.ts prove it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { v1 } = (loadContract("csi") as ProtoGrpcType).csi;
  return {
    Identity: v1.Identity.service,
    Controller: v1.Controller.service,
    GroupController: v1.GroupController.service,
    Node: v1.Node.service,
    SnapshotMetadata: v1.SnapshotMetadata.service,
  };
}
