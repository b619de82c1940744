/**
 * The controller's CSI services: one table, "who has it → the same call there". What a request means and what is wrong
 * with it is decided by nodes alone; here are read the few fields that say where.
 */
import { parseId } from "../core/ids.ts";
import {
  CONTROLLER_CAPABILITIES,
  GROUP_CAPABILITIES,
  UNIMPLEMENTED,
} from "../csi/controller-capabilities.ts";
import type { Handlers } from "../csi/driver.ts";
import { identityHandlers } from "../csi/identity.ts";
import { loadCsi } from "../csi/proto.ts";
import type { Service } from "../csi/server.ts";
import { serviceOf } from "../csi/services.ts";
import type { CallInfo, UnaryOptions } from "../csi/unary.ts";
import type {
  ControllerDefinition,
  GroupControllerDefinition,
  ListSnapshotsRequest__Output,
  ListSnapshotsResponse_Entry__Output,
  ListVolumesRequest__Output,
  ListVolumesResponse_Entry__Output,
} from "../generated/csi.ts";
import { capacityOf } from "./capacity.ts";
import type { CalledMethod } from "./connection.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import { listAll, type MergedList } from "./lists.ts";
import { Names } from "./names.ts";
import { requireOwnGroup, requireOwnSnapshot, requireOwnVolume } from "./own-answers.ts";
import { Placement } from "./placement.ts";
import { Snapshots } from "./snapshots.ts";

export function routerServices(fleet: Fleet, version: string, options: UnaryOptions): readonly Service[] {
  const { Identity, Controller, GroupController } = loadCsi();
  const identity = identityHandlers({ version, ready: () => fleet.known });
  const names = new Names(fleet);
  const snapshots = new Snapshots(fleet, names);
  const placement = new Placement(fleet, names, options.log);
  return [
    serviceOf(Identity, identity, options),
    serviceOf(Controller, controllerRoutes(fleet, placement, snapshots), options),
    serviceOf(GroupController, groupRoutes(fleet, snapshots), options),
  ];
}

function controllerRoutes(
  fleet: Fleet,
  placement: Placement,
  snapshots: Snapshots,
): Handlers<ControllerDefinition> {
  const { Controller } = loadCsi();
  return {
    ...UNIMPLEMENTED,
    ControllerGetCapabilities: async () => CONTROLLER_CAPABILITIES,
    CreateVolume: (request, info) => placement.create(request, info),
    DeleteVolume: byId(fleet, Controller.DeleteVolume, ({ volume_id: id }) => id),
    ControllerExpandVolume: byId(fleet, Controller.ControllerExpandVolume, ({ volume_id: id }) => id),
    ControllerGetVolume: byId(
      fleet,
      Controller.ControllerGetVolume,
      ({ volume_id: id }) => id,
      (node, { volume }) => requireOwnVolume(fleet, node, volume),
    ),
    ValidateVolumeCapabilities: byId(fleet, Controller.ValidateVolumeCapabilities, ({ volume_id: id }) => id),
    ListVolumes: (request, info) => listVolumes(fleet, request, info),
    GetCapacity: async (request) => capacityOf(fleet, request),
    CreateSnapshot: (request, info) => snapshots.create(request, info),
    DeleteSnapshot: byId(fleet, Controller.DeleteSnapshot, ({ snapshot_id: id }) => id),
    GetSnapshot: byId(
      fleet,
      Controller.GetSnapshot,
      ({ snapshot_id: id }) => id,
      (node, { snapshot }) => requireOwnSnapshot(fleet, node, snapshot),
    ),
    ListSnapshots: (request, info) => listSnapshots(fleet, request, info),
  };
}

function groupRoutes(fleet: Fleet, snapshots: Snapshots): Handlers<GroupControllerDefinition> {
  const { GroupController } = loadCsi();
  return {
    GroupControllerGetCapabilities: async () => GROUP_CAPABILITIES,
    CreateVolumeGroupSnapshot: (request, info) => snapshots.createGroup(request, info),
    DeleteVolumeGroupSnapshot: byId(
      fleet,
      GroupController.DeleteVolumeGroupSnapshot,
      ({ group_snapshot_id: id }) => id,
    ),
    GetVolumeGroupSnapshot: byId(
      fleet,
      GroupController.GetVolumeGroupSnapshot,
      ({ group_snapshot_id: id }) => id,
      (node, { group_snapshot: group }) => requireOwnGroup(fleet, node, group),
    ),
  };
}

/** The row of most methods: an id of ours goes to the node that has its pool; other text means the same to every node. */
function byId<Request, Response>(
  fleet: Fleet,
  method: CalledMethod<Request, Response>,
  idOf: (request: Request) => string | undefined,
  check: (node: FleetNode, response: Response) => void = () => {},
): (request: Request, info: CallInfo) => Promise<Response> {
  return async (request, info) => {
    const node = nodeOf(fleet, idOf(request) ?? "");
    const response = await node.call(method, request, info);
    check(node, response);
    return response;
  };
}

function nodeOf(fleet: Fleet, text: string): FleetNode {
  const parsed = parseId(text);
  return parsed === undefined ? fleet.any() : fleet.ownerOf(parsed.pool);
}

function listVolumes(fleet: Fleet, request: ListVolumesRequest__Output, info: CallInfo) {
  const merged: MergedList<ListVolumesResponse_Entry__Output> = {
    list: "volumes",
    method: loadCsi().Controller.ListVolumes,
    idOf: ({ volume }) => volume?.volume_id ?? "",
    check: (node, { volume }) => requireOwnVolume(fleet, node, volume),
  };
  return listAll(fleet, merged, request, info);
}

/** One snapshot, or those of one volume, are on one node. */
async function listSnapshots(fleet: Fleet, request: ListSnapshotsRequest__Output, info: CallInfo) {
  const { ListSnapshots: method } = loadCsi().Controller;
  const { snapshot_id: snapshot, source_volume_id: source } = request;
  const text = snapshot === "" ? source : snapshot;
  if (text !== "") {
    const node = nodeOf(fleet, text);
    const response = await node.call(method, request, info);
    for (const entry of response.entries) requireOwnSnapshot(fleet, node, entry.snapshot);
    return response;
  }
  const merged: MergedList<ListSnapshotsResponse_Entry__Output> = {
    list: "snapshots",
    method,
    idOf: ({ snapshot: each }) => each?.snapshot_id ?? "",
    check: (node, { snapshot: each }) => requireOwnSnapshot(fleet, node, each),
  };
  return listAll(fleet, merged, request, info);
}
