/** What the controller services can do and cannot: the same of a node, and of a controller that routes to nodes. */
import { UnimplementedError } from "../core/errors.ts";
import type {
  ControllerDefinition,
  ControllerGetCapabilitiesResponse,
  ControllerServiceCapability_RPC_Type,
  GroupControllerGetCapabilitiesResponse,
} from "../generated/csi.ts";
import type { Handlers } from "./driver.ts";

const RPCS: readonly ControllerServiceCapability_RPC_Type[] = [
  "CREATE_DELETE_VOLUME",
  "LIST_VOLUMES",
  "GET_CAPACITY",
  "CREATE_DELETE_SNAPSHOT",
  "LIST_SNAPSHOTS",
  "GET_SNAPSHOT",
  "CLONE_VOLUME",
  "EXPAND_VOLUME",
  "GET_VOLUME",
  "SINGLE_NODE_MULTI_WRITER",
];

export const CONTROLLER_CAPABILITIES: ControllerGetCapabilitiesResponse = {
  capabilities: RPCS.map((type) => ({ rpc: { type } })),
};

export const GROUP_CAPABILITIES: GroupControllerGetCapabilitiesResponse = {
  capabilities: [{ rpc: { type: "CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT" } }],
};

type Never = "ControllerPublishVolume" | "ControllerUnpublishVolume" | "ControllerModifyVolume";

export const UNIMPLEMENTED: Pick<Handlers<ControllerDefinition>, Never> = {
  ControllerPublishVolume: () =>
    unimplemented("ControllerPublishVolume", "volumes are not attached, they are local"),
  ControllerUnpublishVolume: () =>
    unimplemented("ControllerUnpublishVolume", "volumes are not attached, they are local"),
  ControllerModifyVolume: () => unimplemented("ControllerModifyVolume", "volumes have no mutable parameters"),
};

function unimplemented(method: string, reason: string): Promise<never> {
  return Promise.reject(new UnimplementedError(`${method} is not implemented: ${reason}`));
}
