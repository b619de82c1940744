// Generated from proto/csi.proto by `npm run generate`; never edited by hand.
//
// CreateVolumeRequest is what a sender may write: every field optional, 64-bit integers as string or number.
// CreateVolumeRequest__Output is what a receiver reads: every field there except what a oneof did not choose, 64-bit
// integers as decimal strings, an unset message null. Types nested in a message are joined by _: VolumeCapability_AccessMode_Mode.

import type * as grpc from "@grpc/grpc-js";
import type { EnumTypeDefinition, Long, MessageTypeDefinition, MethodDefinition } from "@grpc/proto-loader";

export interface BoolValue {
  'value'?: (boolean);
}

export interface BoolValue__Output {
  'value': (boolean);
}

export interface Int64Value {
  'value'?: (number | string | Long);
}

export interface Int64Value__Output {
  'value': (string);
}

export interface Timestamp {
  'seconds'?: (number | string | Long);
  'nanos'?: (number);
}

export interface Timestamp__Output {
  'seconds': (string);
  'nanos': (number);
}

export interface BlockMetadata {
  'byte_offset'?: (number | string | Long);
  'size_bytes'?: (number | string | Long);
}

export interface BlockMetadata__Output {
  'byte_offset': (string);
  'size_bytes': (string);
}

export const BlockMetadataType = {
  UNKNOWN: 'UNKNOWN',
  FIXED_LENGTH: 'FIXED_LENGTH',
  VARIABLE_LENGTH: 'VARIABLE_LENGTH',
} as const;

export type BlockMetadataType =
  | 'UNKNOWN'
  | 0
  | 'FIXED_LENGTH'
  | 1
  | 'VARIABLE_LENGTH'
  | 2

export type BlockMetadataType__Output = typeof BlockMetadataType[keyof typeof BlockMetadataType]

export interface CapacityRange {
  'required_bytes'?: (number | string | Long);
  'limit_bytes'?: (number | string | Long);
}

export interface CapacityRange__Output {
  'required_bytes': (string);
  'limit_bytes': (string);
}

export interface ControllerClient extends grpc.Client {
  ControllerExpandVolume(argument: ControllerExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerExpandVolume(argument: ControllerExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerExpandVolume(argument: ControllerExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerExpandVolume(argument: ControllerExpandVolumeRequest, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerExpandVolume(argument: ControllerExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerExpandVolume(argument: ControllerExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerExpandVolume(argument: ControllerExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerExpandVolume(argument: ControllerExpandVolumeRequest, callback: grpc.requestCallback<ControllerExpandVolumeResponse__Output>): grpc.ClientUnaryCall;

  ControllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  controllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  controllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  controllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  controllerGetCapabilities(argument: ControllerGetCapabilitiesRequest, callback: grpc.requestCallback<ControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;

  ControllerGetVolume(argument: ControllerGetVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetVolume(argument: ControllerGetVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetVolume(argument: ControllerGetVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerGetVolume(argument: ControllerGetVolumeRequest, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerGetVolume(argument: ControllerGetVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerGetVolume(argument: ControllerGetVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerGetVolume(argument: ControllerGetVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerGetVolume(argument: ControllerGetVolumeRequest, callback: grpc.requestCallback<ControllerGetVolumeResponse__Output>): grpc.ClientUnaryCall;

  ControllerModifyVolume(argument: ControllerModifyVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerModifyVolume(argument: ControllerModifyVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerModifyVolume(argument: ControllerModifyVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerModifyVolume(argument: ControllerModifyVolumeRequest, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerModifyVolume(argument: ControllerModifyVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerModifyVolume(argument: ControllerModifyVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerModifyVolume(argument: ControllerModifyVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerModifyVolume(argument: ControllerModifyVolumeRequest, callback: grpc.requestCallback<ControllerModifyVolumeResponse__Output>): grpc.ClientUnaryCall;

  ControllerPublishVolume(argument: ControllerPublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerPublishVolume(argument: ControllerPublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerPublishVolume(argument: ControllerPublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerPublishVolume(argument: ControllerPublishVolumeRequest, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerPublishVolume(argument: ControllerPublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerPublishVolume(argument: ControllerPublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerPublishVolume(argument: ControllerPublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerPublishVolume(argument: ControllerPublishVolumeRequest, callback: grpc.requestCallback<ControllerPublishVolumeResponse__Output>): grpc.ClientUnaryCall;

  ControllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  ControllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  controllerUnpublishVolume(argument: ControllerUnpublishVolumeRequest, callback: grpc.requestCallback<ControllerUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;

  CreateSnapshot(argument: CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: CreateSnapshotRequest, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: CreateSnapshotRequest, callback: grpc.requestCallback<CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;

  CreateVolume(argument: CreateVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: CreateVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: CreateVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: CreateVolumeRequest, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: CreateVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: CreateVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: CreateVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: CreateVolumeRequest, callback: grpc.requestCallback<CreateVolumeResponse__Output>): grpc.ClientUnaryCall;

  DeleteSnapshot(argument: DeleteSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: DeleteSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: DeleteSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: DeleteSnapshotRequest, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: DeleteSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: DeleteSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: DeleteSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: DeleteSnapshotRequest, callback: grpc.requestCallback<DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;

  DeleteVolume(argument: DeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: DeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: DeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: DeleteVolumeRequest, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: DeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: DeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: DeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: DeleteVolumeRequest, callback: grpc.requestCallback<DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;

  GetCapacity(argument: GetCapacityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  GetCapacity(argument: GetCapacityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  GetCapacity(argument: GetCapacityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  GetCapacity(argument: GetCapacityRequest, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  getCapacity(argument: GetCapacityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  getCapacity(argument: GetCapacityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  getCapacity(argument: GetCapacityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;
  getCapacity(argument: GetCapacityRequest, callback: grpc.requestCallback<GetCapacityResponse__Output>): grpc.ClientUnaryCall;

  GetSnapshot(argument: GetSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetSnapshot(argument: GetSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetSnapshot(argument: GetSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetSnapshot(argument: GetSnapshotRequest, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getSnapshot(argument: GetSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getSnapshot(argument: GetSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getSnapshot(argument: GetSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getSnapshot(argument: GetSnapshotRequest, callback: grpc.requestCallback<GetSnapshotResponse__Output>): grpc.ClientUnaryCall;

  ListSnapshots(argument: ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: ListSnapshotsRequest, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: ListSnapshotsRequest, callback: grpc.requestCallback<ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;

  ListVolumes(argument: ListVolumesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: ListVolumesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: ListVolumesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: ListVolumesRequest, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: ListVolumesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: ListVolumesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: ListVolumesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: ListVolumesRequest, callback: grpc.requestCallback<ListVolumesResponse__Output>): grpc.ClientUnaryCall;

  ValidateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ValidateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ValidateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  ValidateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  validateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  validateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  validateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  validateVolumeCapabilities(argument: ValidateVolumeCapabilitiesRequest, callback: grpc.requestCallback<ValidateVolumeCapabilitiesResponse__Output>): grpc.ClientUnaryCall;

}

export interface ControllerHandlers extends grpc.UntypedServiceImplementation {
  ControllerExpandVolume: grpc.handleUnaryCall<ControllerExpandVolumeRequest__Output, ControllerExpandVolumeResponse>;

  ControllerGetCapabilities: grpc.handleUnaryCall<ControllerGetCapabilitiesRequest__Output, ControllerGetCapabilitiesResponse>;

  ControllerGetVolume: grpc.handleUnaryCall<ControllerGetVolumeRequest__Output, ControllerGetVolumeResponse>;

  ControllerModifyVolume: grpc.handleUnaryCall<ControllerModifyVolumeRequest__Output, ControllerModifyVolumeResponse>;

  ControllerPublishVolume: grpc.handleUnaryCall<ControllerPublishVolumeRequest__Output, ControllerPublishVolumeResponse>;

  ControllerUnpublishVolume: grpc.handleUnaryCall<ControllerUnpublishVolumeRequest__Output, ControllerUnpublishVolumeResponse>;

  CreateSnapshot: grpc.handleUnaryCall<CreateSnapshotRequest__Output, CreateSnapshotResponse>;

  CreateVolume: grpc.handleUnaryCall<CreateVolumeRequest__Output, CreateVolumeResponse>;

  DeleteSnapshot: grpc.handleUnaryCall<DeleteSnapshotRequest__Output, DeleteSnapshotResponse>;

  DeleteVolume: grpc.handleUnaryCall<DeleteVolumeRequest__Output, DeleteVolumeResponse>;

  GetCapacity: grpc.handleUnaryCall<GetCapacityRequest__Output, GetCapacityResponse>;

  GetSnapshot: grpc.handleUnaryCall<GetSnapshotRequest__Output, GetSnapshotResponse>;

  ListSnapshots: grpc.handleUnaryCall<ListSnapshotsRequest__Output, ListSnapshotsResponse>;

  ListVolumes: grpc.handleUnaryCall<ListVolumesRequest__Output, ListVolumesResponse>;

  ValidateVolumeCapabilities: grpc.handleUnaryCall<ValidateVolumeCapabilitiesRequest__Output, ValidateVolumeCapabilitiesResponse>;

}

export interface ControllerDefinition extends grpc.ServiceDefinition {
  ControllerExpandVolume: MethodDefinition<ControllerExpandVolumeRequest, ControllerExpandVolumeResponse, ControllerExpandVolumeRequest__Output, ControllerExpandVolumeResponse__Output>
  ControllerGetCapabilities: MethodDefinition<ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesResponse, ControllerGetCapabilitiesRequest__Output, ControllerGetCapabilitiesResponse__Output>
  ControllerGetVolume: MethodDefinition<ControllerGetVolumeRequest, ControllerGetVolumeResponse, ControllerGetVolumeRequest__Output, ControllerGetVolumeResponse__Output>
  ControllerModifyVolume: MethodDefinition<ControllerModifyVolumeRequest, ControllerModifyVolumeResponse, ControllerModifyVolumeRequest__Output, ControllerModifyVolumeResponse__Output>
  ControllerPublishVolume: MethodDefinition<ControllerPublishVolumeRequest, ControllerPublishVolumeResponse, ControllerPublishVolumeRequest__Output, ControllerPublishVolumeResponse__Output>
  ControllerUnpublishVolume: MethodDefinition<ControllerUnpublishVolumeRequest, ControllerUnpublishVolumeResponse, ControllerUnpublishVolumeRequest__Output, ControllerUnpublishVolumeResponse__Output>
  CreateSnapshot: MethodDefinition<CreateSnapshotRequest, CreateSnapshotResponse, CreateSnapshotRequest__Output, CreateSnapshotResponse__Output>
  CreateVolume: MethodDefinition<CreateVolumeRequest, CreateVolumeResponse, CreateVolumeRequest__Output, CreateVolumeResponse__Output>
  DeleteSnapshot: MethodDefinition<DeleteSnapshotRequest, DeleteSnapshotResponse, DeleteSnapshotRequest__Output, DeleteSnapshotResponse__Output>
  DeleteVolume: MethodDefinition<DeleteVolumeRequest, DeleteVolumeResponse, DeleteVolumeRequest__Output, DeleteVolumeResponse__Output>
  GetCapacity: MethodDefinition<GetCapacityRequest, GetCapacityResponse, GetCapacityRequest__Output, GetCapacityResponse__Output>
  GetSnapshot: MethodDefinition<GetSnapshotRequest, GetSnapshotResponse, GetSnapshotRequest__Output, GetSnapshotResponse__Output>
  ListSnapshots: MethodDefinition<ListSnapshotsRequest, ListSnapshotsResponse, ListSnapshotsRequest__Output, ListSnapshotsResponse__Output>
  ListVolumes: MethodDefinition<ListVolumesRequest, ListVolumesResponse, ListVolumesRequest__Output, ListVolumesResponse__Output>
  ValidateVolumeCapabilities: MethodDefinition<ValidateVolumeCapabilitiesRequest, ValidateVolumeCapabilitiesResponse, ValidateVolumeCapabilitiesRequest__Output, ValidateVolumeCapabilitiesResponse__Output>
}

export interface ControllerExpandVolumeRequest {
  'volume_id'?: (string);
  'capacity_range'?: (CapacityRange | null);
  'secrets'?: ({[key: string]: string});
  'volume_capability'?: (VolumeCapability | null);
}

export interface ControllerExpandVolumeRequest__Output {
  'volume_id': (string);
  'capacity_range': (CapacityRange__Output | null);
  'secrets': ({[key: string]: string});
  'volume_capability': (VolumeCapability__Output | null);
}

export interface ControllerExpandVolumeResponse {
  'capacity_bytes'?: (number | string | Long);
  'node_expansion_required'?: (boolean);
}

export interface ControllerExpandVolumeResponse__Output {
  'capacity_bytes': (string);
  'node_expansion_required': (boolean);
}

export interface ControllerGetCapabilitiesRequest {
}

export interface ControllerGetCapabilitiesRequest__Output {
}

export interface ControllerGetCapabilitiesResponse {
  'capabilities'?: (ControllerServiceCapability)[];
}

export interface ControllerGetCapabilitiesResponse__Output {
  'capabilities': (ControllerServiceCapability__Output)[];
}

export interface ControllerGetVolumeRequest {
  'volume_id'?: (string);
}

export interface ControllerGetVolumeRequest__Output {
  'volume_id': (string);
}

export interface ControllerGetVolumeResponse_VolumeStatus {
  'published_node_ids'?: (string)[];
  'volume_condition'?: (VolumeCondition | null);
}

export interface ControllerGetVolumeResponse_VolumeStatus__Output {
  'published_node_ids': (string)[];
  'volume_condition': (VolumeCondition__Output | null);
}

export interface ControllerGetVolumeResponse {
  'volume'?: (Volume | null);
  'status'?: (ControllerGetVolumeResponse_VolumeStatus | null);
}

export interface ControllerGetVolumeResponse__Output {
  'volume': (Volume__Output | null);
  'status': (ControllerGetVolumeResponse_VolumeStatus__Output | null);
}

export interface ControllerModifyVolumeRequest {
  'volume_id'?: (string);
  'secrets'?: ({[key: string]: string});
  'mutable_parameters'?: ({[key: string]: string});
}

export interface ControllerModifyVolumeRequest__Output {
  'volume_id': (string);
  'secrets': ({[key: string]: string});
  'mutable_parameters': ({[key: string]: string});
}

export interface ControllerModifyVolumeResponse {
}

export interface ControllerModifyVolumeResponse__Output {
}

export interface ControllerPublishVolumeRequest {
  'volume_id'?: (string);
  'node_id'?: (string);
  'volume_capability'?: (VolumeCapability | null);
  'readonly'?: (boolean);
  'secrets'?: ({[key: string]: string});
  'volume_context'?: ({[key: string]: string});
}

export interface ControllerPublishVolumeRequest__Output {
  'volume_id': (string);
  'node_id': (string);
  'volume_capability': (VolumeCapability__Output | null);
  'readonly': (boolean);
  'secrets': ({[key: string]: string});
  'volume_context': ({[key: string]: string});
}

export interface ControllerPublishVolumeResponse {
  'publish_context'?: ({[key: string]: string});
}

export interface ControllerPublishVolumeResponse__Output {
  'publish_context': ({[key: string]: string});
}

export interface ControllerServiceCapability_RPC {
  'type'?: (ControllerServiceCapability_RPC_Type);
}

export interface ControllerServiceCapability_RPC__Output {
  'type': (ControllerServiceCapability_RPC_Type__Output);
}

export const ControllerServiceCapability_RPC_Type = {
  UNKNOWN: 'UNKNOWN',
  CREATE_DELETE_VOLUME: 'CREATE_DELETE_VOLUME',
  PUBLISH_UNPUBLISH_VOLUME: 'PUBLISH_UNPUBLISH_VOLUME',
  LIST_VOLUMES: 'LIST_VOLUMES',
  GET_CAPACITY: 'GET_CAPACITY',
  CREATE_DELETE_SNAPSHOT: 'CREATE_DELETE_SNAPSHOT',
  LIST_SNAPSHOTS: 'LIST_SNAPSHOTS',
  CLONE_VOLUME: 'CLONE_VOLUME',
  PUBLISH_READONLY: 'PUBLISH_READONLY',
  EXPAND_VOLUME: 'EXPAND_VOLUME',
  LIST_VOLUMES_PUBLISHED_NODES: 'LIST_VOLUMES_PUBLISHED_NODES',
  VOLUME_CONDITION: 'VOLUME_CONDITION',
  GET_VOLUME: 'GET_VOLUME',
  SINGLE_NODE_MULTI_WRITER: 'SINGLE_NODE_MULTI_WRITER',
  MODIFY_VOLUME: 'MODIFY_VOLUME',
  GET_SNAPSHOT: 'GET_SNAPSHOT',
} as const;

export type ControllerServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 0
  | 'CREATE_DELETE_VOLUME'
  | 1
  | 'PUBLISH_UNPUBLISH_VOLUME'
  | 2
  | 'LIST_VOLUMES'
  | 3
  | 'GET_CAPACITY'
  | 4
  | 'CREATE_DELETE_SNAPSHOT'
  | 5
  | 'LIST_SNAPSHOTS'
  | 6
  | 'CLONE_VOLUME'
  | 7
  | 'PUBLISH_READONLY'
  | 8
  | 'EXPAND_VOLUME'
  | 9
  | 'LIST_VOLUMES_PUBLISHED_NODES'
  | 10
  | 'VOLUME_CONDITION'
  | 11
  | 'GET_VOLUME'
  | 12
  | 'SINGLE_NODE_MULTI_WRITER'
  | 13
  | 'MODIFY_VOLUME'
  | 14
  | 'GET_SNAPSHOT'
  | 15

export type ControllerServiceCapability_RPC_Type__Output = typeof ControllerServiceCapability_RPC_Type[keyof typeof ControllerServiceCapability_RPC_Type]

export interface ControllerServiceCapability {
  'rpc'?: (ControllerServiceCapability_RPC | null);
  'type'?: "rpc";
}

export interface ControllerServiceCapability__Output {
  'rpc'?: (ControllerServiceCapability_RPC__Output | null);
  'type'?: "rpc";
}

export interface ControllerUnpublishVolumeRequest {
  'volume_id'?: (string);
  'node_id'?: (string);
  'secrets'?: ({[key: string]: string});
}

export interface ControllerUnpublishVolumeRequest__Output {
  'volume_id': (string);
  'node_id': (string);
  'secrets': ({[key: string]: string});
}

export interface ControllerUnpublishVolumeResponse {
}

export interface ControllerUnpublishVolumeResponse__Output {
}

export interface CreateSnapshotRequest {
  'source_volume_id'?: (string);
  'name'?: (string);
  'secrets'?: ({[key: string]: string});
  'parameters'?: ({[key: string]: string});
}

export interface CreateSnapshotRequest__Output {
  'source_volume_id': (string);
  'name': (string);
  'secrets': ({[key: string]: string});
  'parameters': ({[key: string]: string});
}

export interface CreateSnapshotResponse {
  'snapshot'?: (Snapshot | null);
}

export interface CreateSnapshotResponse__Output {
  'snapshot': (Snapshot__Output | null);
}

export interface CreateVolumeGroupSnapshotRequest {
  'name'?: (string);
  'source_volume_ids'?: (string)[];
  'secrets'?: ({[key: string]: string});
  'parameters'?: ({[key: string]: string});
}

export interface CreateVolumeGroupSnapshotRequest__Output {
  'name': (string);
  'source_volume_ids': (string)[];
  'secrets': ({[key: string]: string});
  'parameters': ({[key: string]: string});
}

export interface CreateVolumeGroupSnapshotResponse {
  'group_snapshot'?: (VolumeGroupSnapshot | null);
}

export interface CreateVolumeGroupSnapshotResponse__Output {
  'group_snapshot': (VolumeGroupSnapshot__Output | null);
}

export interface CreateVolumeRequest {
  'name'?: (string);
  'capacity_range'?: (CapacityRange | null);
  'volume_capabilities'?: (VolumeCapability)[];
  'parameters'?: ({[key: string]: string});
  'secrets'?: ({[key: string]: string});
  'volume_content_source'?: (VolumeContentSource | null);
  'accessibility_requirements'?: (TopologyRequirement | null);
  'mutable_parameters'?: ({[key: string]: string});
}

export interface CreateVolumeRequest__Output {
  'name': (string);
  'capacity_range': (CapacityRange__Output | null);
  'volume_capabilities': (VolumeCapability__Output)[];
  'parameters': ({[key: string]: string});
  'secrets': ({[key: string]: string});
  'volume_content_source': (VolumeContentSource__Output | null);
  'accessibility_requirements': (TopologyRequirement__Output | null);
  'mutable_parameters': ({[key: string]: string});
}

export interface CreateVolumeResponse {
  'volume'?: (Volume | null);
}

export interface CreateVolumeResponse__Output {
  'volume': (Volume__Output | null);
}

export interface DeleteSnapshotRequest {
  'snapshot_id'?: (string);
  'secrets'?: ({[key: string]: string});
}

export interface DeleteSnapshotRequest__Output {
  'snapshot_id': (string);
  'secrets': ({[key: string]: string});
}

export interface DeleteSnapshotResponse {
}

export interface DeleteSnapshotResponse__Output {
}

export interface DeleteVolumeGroupSnapshotRequest {
  'group_snapshot_id'?: (string);
  'snapshot_ids'?: (string)[];
  'secrets'?: ({[key: string]: string});
}

export interface DeleteVolumeGroupSnapshotRequest__Output {
  'group_snapshot_id': (string);
  'snapshot_ids': (string)[];
  'secrets': ({[key: string]: string});
}

export interface DeleteVolumeGroupSnapshotResponse {
}

export interface DeleteVolumeGroupSnapshotResponse__Output {
}

export interface DeleteVolumeRequest {
  'volume_id'?: (string);
  'secrets'?: ({[key: string]: string});
}

export interface DeleteVolumeRequest__Output {
  'volume_id': (string);
  'secrets': ({[key: string]: string});
}

export interface DeleteVolumeResponse {
}

export interface DeleteVolumeResponse__Output {
}

export interface GetCapacityRequest {
  'volume_capabilities'?: (VolumeCapability)[];
  'parameters'?: ({[key: string]: string});
  'accessible_topology'?: (Topology | null);
}

export interface GetCapacityRequest__Output {
  'volume_capabilities': (VolumeCapability__Output)[];
  'parameters': ({[key: string]: string});
  'accessible_topology': (Topology__Output | null);
}

export interface GetCapacityResponse {
  'available_capacity'?: (number | string | Long);
  'maximum_volume_size'?: (Int64Value | null);
  'minimum_volume_size'?: (Int64Value | null);
}

export interface GetCapacityResponse__Output {
  'available_capacity': (string);
  'maximum_volume_size': (Int64Value__Output | null);
  'minimum_volume_size': (Int64Value__Output | null);
}

export interface GetMetadataAllocatedRequest {
  'snapshot_id'?: (string);
  'starting_offset'?: (number | string | Long);
  'max_results'?: (number);
  'secrets'?: ({[key: string]: string});
}

export interface GetMetadataAllocatedRequest__Output {
  'snapshot_id': (string);
  'starting_offset': (string);
  'max_results': (number);
  'secrets': ({[key: string]: string});
}

export interface GetMetadataAllocatedResponse {
  'block_metadata_type'?: (BlockMetadataType);
  'volume_capacity_bytes'?: (number | string | Long);
  'block_metadata'?: (BlockMetadata)[];
}

export interface GetMetadataAllocatedResponse__Output {
  'block_metadata_type': (BlockMetadataType__Output);
  'volume_capacity_bytes': (string);
  'block_metadata': (BlockMetadata__Output)[];
}

export interface GetMetadataDeltaRequest {
  'base_snapshot_id'?: (string);
  'target_snapshot_id'?: (string);
  'starting_offset'?: (number | string | Long);
  'max_results'?: (number);
  'secrets'?: ({[key: string]: string});
}

export interface GetMetadataDeltaRequest__Output {
  'base_snapshot_id': (string);
  'target_snapshot_id': (string);
  'starting_offset': (string);
  'max_results': (number);
  'secrets': ({[key: string]: string});
}

export interface GetMetadataDeltaResponse {
  'block_metadata_type'?: (BlockMetadataType);
  'volume_capacity_bytes'?: (number | string | Long);
  'block_metadata'?: (BlockMetadata)[];
}

export interface GetMetadataDeltaResponse__Output {
  'block_metadata_type': (BlockMetadataType__Output);
  'volume_capacity_bytes': (string);
  'block_metadata': (BlockMetadata__Output)[];
}

export interface GetPluginCapabilitiesRequest {
}

export interface GetPluginCapabilitiesRequest__Output {
}

export interface GetPluginCapabilitiesResponse {
  'capabilities'?: (PluginCapability)[];
}

export interface GetPluginCapabilitiesResponse__Output {
  'capabilities': (PluginCapability__Output)[];
}

export interface GetPluginInfoRequest {
}

export interface GetPluginInfoRequest__Output {
}

export interface GetPluginInfoResponse {
  'name'?: (string);
  'vendor_version'?: (string);
  'manifest'?: ({[key: string]: string});
}

export interface GetPluginInfoResponse__Output {
  'name': (string);
  'vendor_version': (string);
  'manifest': ({[key: string]: string});
}

export interface GetSnapshotRequest {
  'snapshot_id'?: (string);
  'secrets'?: ({[key: string]: string});
}

export interface GetSnapshotRequest__Output {
  'snapshot_id': (string);
  'secrets': ({[key: string]: string});
}

export interface GetSnapshotResponse {
  'snapshot'?: (Snapshot | null);
}

export interface GetSnapshotResponse__Output {
  'snapshot': (Snapshot__Output | null);
}

export interface GetVolumeGroupSnapshotRequest {
  'group_snapshot_id'?: (string);
  'snapshot_ids'?: (string)[];
  'secrets'?: ({[key: string]: string});
}

export interface GetVolumeGroupSnapshotRequest__Output {
  'group_snapshot_id': (string);
  'snapshot_ids': (string)[];
  'secrets': ({[key: string]: string});
}

export interface GetVolumeGroupSnapshotResponse {
  'group_snapshot'?: (VolumeGroupSnapshot | null);
}

export interface GetVolumeGroupSnapshotResponse__Output {
  'group_snapshot': (VolumeGroupSnapshot__Output | null);
}

export interface GroupControllerClient extends grpc.Client {
  CreateVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createVolumeGroupSnapshot(argument: CreateVolumeGroupSnapshotRequest, callback: grpc.requestCallback<CreateVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;

  DeleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteVolumeGroupSnapshot(argument: DeleteVolumeGroupSnapshotRequest, callback: grpc.requestCallback<DeleteVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;

  GetVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  GetVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;
  getVolumeGroupSnapshot(argument: GetVolumeGroupSnapshotRequest, callback: grpc.requestCallback<GetVolumeGroupSnapshotResponse__Output>): grpc.ClientUnaryCall;

  GroupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GroupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GroupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GroupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  groupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  groupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  groupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  groupControllerGetCapabilities(argument: GroupControllerGetCapabilitiesRequest, callback: grpc.requestCallback<GroupControllerGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;

}

export interface GroupControllerHandlers extends grpc.UntypedServiceImplementation {
  CreateVolumeGroupSnapshot: grpc.handleUnaryCall<CreateVolumeGroupSnapshotRequest__Output, CreateVolumeGroupSnapshotResponse>;

  DeleteVolumeGroupSnapshot: grpc.handleUnaryCall<DeleteVolumeGroupSnapshotRequest__Output, DeleteVolumeGroupSnapshotResponse>;

  GetVolumeGroupSnapshot: grpc.handleUnaryCall<GetVolumeGroupSnapshotRequest__Output, GetVolumeGroupSnapshotResponse>;

  GroupControllerGetCapabilities: grpc.handleUnaryCall<GroupControllerGetCapabilitiesRequest__Output, GroupControllerGetCapabilitiesResponse>;

}

export interface GroupControllerDefinition extends grpc.ServiceDefinition {
  CreateVolumeGroupSnapshot: MethodDefinition<CreateVolumeGroupSnapshotRequest, CreateVolumeGroupSnapshotResponse, CreateVolumeGroupSnapshotRequest__Output, CreateVolumeGroupSnapshotResponse__Output>
  DeleteVolumeGroupSnapshot: MethodDefinition<DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotResponse, DeleteVolumeGroupSnapshotRequest__Output, DeleteVolumeGroupSnapshotResponse__Output>
  GetVolumeGroupSnapshot: MethodDefinition<GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse, GetVolumeGroupSnapshotRequest__Output, GetVolumeGroupSnapshotResponse__Output>
  GroupControllerGetCapabilities: MethodDefinition<GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse, GroupControllerGetCapabilitiesRequest__Output, GroupControllerGetCapabilitiesResponse__Output>
}

export interface GroupControllerGetCapabilitiesRequest {
}

export interface GroupControllerGetCapabilitiesRequest__Output {
}

export interface GroupControllerGetCapabilitiesResponse {
  'capabilities'?: (GroupControllerServiceCapability)[];
}

export interface GroupControllerGetCapabilitiesResponse__Output {
  'capabilities': (GroupControllerServiceCapability__Output)[];
}

export interface GroupControllerServiceCapability_RPC {
  'type'?: (GroupControllerServiceCapability_RPC_Type);
}

export interface GroupControllerServiceCapability_RPC__Output {
  'type': (GroupControllerServiceCapability_RPC_Type__Output);
}

export const GroupControllerServiceCapability_RPC_Type = {
  UNKNOWN: 'UNKNOWN',
  CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT: 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT',
} as const;

export type GroupControllerServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 0
  | 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT'
  | 1

export type GroupControllerServiceCapability_RPC_Type__Output = typeof GroupControllerServiceCapability_RPC_Type[keyof typeof GroupControllerServiceCapability_RPC_Type]

export interface GroupControllerServiceCapability {
  'rpc'?: (GroupControllerServiceCapability_RPC | null);
  'type'?: "rpc";
}

export interface GroupControllerServiceCapability__Output {
  'rpc'?: (GroupControllerServiceCapability_RPC__Output | null);
  'type'?: "rpc";
}

export interface IdentityClient extends grpc.Client {
  GetPluginCapabilities(argument: GetPluginCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GetPluginCapabilities(argument: GetPluginCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GetPluginCapabilities(argument: GetPluginCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  GetPluginCapabilities(argument: GetPluginCapabilitiesRequest, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  getPluginCapabilities(argument: GetPluginCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  getPluginCapabilities(argument: GetPluginCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  getPluginCapabilities(argument: GetPluginCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  getPluginCapabilities(argument: GetPluginCapabilitiesRequest, callback: grpc.requestCallback<GetPluginCapabilitiesResponse__Output>): grpc.ClientUnaryCall;

  GetPluginInfo(argument: GetPluginInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  GetPluginInfo(argument: GetPluginInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  GetPluginInfo(argument: GetPluginInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  GetPluginInfo(argument: GetPluginInfoRequest, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  getPluginInfo(argument: GetPluginInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  getPluginInfo(argument: GetPluginInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  getPluginInfo(argument: GetPluginInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;
  getPluginInfo(argument: GetPluginInfoRequest, callback: grpc.requestCallback<GetPluginInfoResponse__Output>): grpc.ClientUnaryCall;

  Probe(argument: ProbeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: ProbeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: ProbeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: ProbeRequest, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: ProbeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: ProbeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: ProbeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: ProbeRequest, callback: grpc.requestCallback<ProbeResponse__Output>): grpc.ClientUnaryCall;

}

export interface IdentityHandlers extends grpc.UntypedServiceImplementation {
  GetPluginCapabilities: grpc.handleUnaryCall<GetPluginCapabilitiesRequest__Output, GetPluginCapabilitiesResponse>;

  GetPluginInfo: grpc.handleUnaryCall<GetPluginInfoRequest__Output, GetPluginInfoResponse>;

  Probe: grpc.handleUnaryCall<ProbeRequest__Output, ProbeResponse>;

}

export interface IdentityDefinition extends grpc.ServiceDefinition {
  GetPluginCapabilities: MethodDefinition<GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginCapabilitiesRequest__Output, GetPluginCapabilitiesResponse__Output>
  GetPluginInfo: MethodDefinition<GetPluginInfoRequest, GetPluginInfoResponse, GetPluginInfoRequest__Output, GetPluginInfoResponse__Output>
  Probe: MethodDefinition<ProbeRequest, ProbeResponse, ProbeRequest__Output, ProbeResponse__Output>
}

export interface ListSnapshotsRequest {
  'max_entries'?: (number);
  'starting_token'?: (string);
  'source_volume_id'?: (string);
  'snapshot_id'?: (string);
  'secrets'?: ({[key: string]: string});
}

export interface ListSnapshotsRequest__Output {
  'max_entries': (number);
  'starting_token': (string);
  'source_volume_id': (string);
  'snapshot_id': (string);
  'secrets': ({[key: string]: string});
}

export interface ListSnapshotsResponse_Entry {
  'snapshot'?: (Snapshot | null);
}

export interface ListSnapshotsResponse_Entry__Output {
  'snapshot': (Snapshot__Output | null);
}

export interface ListSnapshotsResponse {
  'entries'?: (ListSnapshotsResponse_Entry)[];
  'next_token'?: (string);
}

export interface ListSnapshotsResponse__Output {
  'entries': (ListSnapshotsResponse_Entry__Output)[];
  'next_token': (string);
}

export interface ListVolumesRequest {
  'max_entries'?: (number);
  'starting_token'?: (string);
}

export interface ListVolumesRequest__Output {
  'max_entries': (number);
  'starting_token': (string);
}

export interface ListVolumesResponse_Entry {
  'volume'?: (Volume | null);
  'status'?: (ListVolumesResponse_VolumeStatus | null);
}

export interface ListVolumesResponse_Entry__Output {
  'volume': (Volume__Output | null);
  'status': (ListVolumesResponse_VolumeStatus__Output | null);
}

export interface ListVolumesResponse_VolumeStatus {
  'published_node_ids'?: (string)[];
  'volume_condition'?: (VolumeCondition | null);
}

export interface ListVolumesResponse_VolumeStatus__Output {
  'published_node_ids': (string)[];
  'volume_condition': (VolumeCondition__Output | null);
}

export interface ListVolumesResponse {
  'entries'?: (ListVolumesResponse_Entry)[];
  'next_token'?: (string);
}

export interface ListVolumesResponse__Output {
  'entries': (ListVolumesResponse_Entry__Output)[];
  'next_token': (string);
}

export interface NodeClient extends grpc.Client {
  NodeExpandVolume(argument: NodeExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeExpandVolume(argument: NodeExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeExpandVolume(argument: NodeExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeExpandVolume(argument: NodeExpandVolumeRequest, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeExpandVolume(argument: NodeExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeExpandVolume(argument: NodeExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeExpandVolume(argument: NodeExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeExpandVolume(argument: NodeExpandVolumeRequest, callback: grpc.requestCallback<NodeExpandVolumeResponse__Output>): grpc.ClientUnaryCall;

  NodeGetCapabilities(argument: NodeGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  NodeGetCapabilities(argument: NodeGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  NodeGetCapabilities(argument: NodeGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  NodeGetCapabilities(argument: NodeGetCapabilitiesRequest, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  nodeGetCapabilities(argument: NodeGetCapabilitiesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  nodeGetCapabilities(argument: NodeGetCapabilitiesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  nodeGetCapabilities(argument: NodeGetCapabilitiesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;
  nodeGetCapabilities(argument: NodeGetCapabilitiesRequest, callback: grpc.requestCallback<NodeGetCapabilitiesResponse__Output>): grpc.ClientUnaryCall;

  NodeGetInfo(argument: NodeGetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  NodeGetInfo(argument: NodeGetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  NodeGetInfo(argument: NodeGetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  NodeGetInfo(argument: NodeGetInfoRequest, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  nodeGetInfo(argument: NodeGetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  nodeGetInfo(argument: NodeGetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  nodeGetInfo(argument: NodeGetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;
  nodeGetInfo(argument: NodeGetInfoRequest, callback: grpc.requestCallback<NodeGetInfoResponse__Output>): grpc.ClientUnaryCall;

  NodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  NodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  NodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  NodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  nodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  nodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  nodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;
  nodeGetVolumeStats(argument: NodeGetVolumeStatsRequest, callback: grpc.requestCallback<NodeGetVolumeStatsResponse__Output>): grpc.ClientUnaryCall;

  NodePublishVolume(argument: NodePublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodePublishVolume(argument: NodePublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodePublishVolume(argument: NodePublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodePublishVolume(argument: NodePublishVolumeRequest, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodePublishVolume(argument: NodePublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodePublishVolume(argument: NodePublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodePublishVolume(argument: NodePublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodePublishVolume(argument: NodePublishVolumeRequest, callback: grpc.requestCallback<NodePublishVolumeResponse__Output>): grpc.ClientUnaryCall;

  NodeStageVolume(argument: NodeStageVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeStageVolume(argument: NodeStageVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeStageVolume(argument: NodeStageVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeStageVolume(argument: NodeStageVolumeRequest, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeStageVolume(argument: NodeStageVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeStageVolume(argument: NodeStageVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeStageVolume(argument: NodeStageVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeStageVolume(argument: NodeStageVolumeRequest, callback: grpc.requestCallback<NodeStageVolumeResponse__Output>): grpc.ClientUnaryCall;

  NodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnpublishVolume(argument: NodeUnpublishVolumeRequest, callback: grpc.requestCallback<NodeUnpublishVolumeResponse__Output>): grpc.ClientUnaryCall;

  NodeUnstageVolume(argument: NodeUnstageVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnstageVolume(argument: NodeUnstageVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnstageVolume(argument: NodeUnstageVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  NodeUnstageVolume(argument: NodeUnstageVolumeRequest, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnstageVolume(argument: NodeUnstageVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnstageVolume(argument: NodeUnstageVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnstageVolume(argument: NodeUnstageVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;
  nodeUnstageVolume(argument: NodeUnstageVolumeRequest, callback: grpc.requestCallback<NodeUnstageVolumeResponse__Output>): grpc.ClientUnaryCall;

}

export interface NodeHandlers extends grpc.UntypedServiceImplementation {
  NodeExpandVolume: grpc.handleUnaryCall<NodeExpandVolumeRequest__Output, NodeExpandVolumeResponse>;

  NodeGetCapabilities: grpc.handleUnaryCall<NodeGetCapabilitiesRequest__Output, NodeGetCapabilitiesResponse>;

  NodeGetInfo: grpc.handleUnaryCall<NodeGetInfoRequest__Output, NodeGetInfoResponse>;

  NodeGetVolumeStats: grpc.handleUnaryCall<NodeGetVolumeStatsRequest__Output, NodeGetVolumeStatsResponse>;

  NodePublishVolume: grpc.handleUnaryCall<NodePublishVolumeRequest__Output, NodePublishVolumeResponse>;

  NodeStageVolume: grpc.handleUnaryCall<NodeStageVolumeRequest__Output, NodeStageVolumeResponse>;

  NodeUnpublishVolume: grpc.handleUnaryCall<NodeUnpublishVolumeRequest__Output, NodeUnpublishVolumeResponse>;

  NodeUnstageVolume: grpc.handleUnaryCall<NodeUnstageVolumeRequest__Output, NodeUnstageVolumeResponse>;

}

export interface NodeDefinition extends grpc.ServiceDefinition {
  NodeExpandVolume: MethodDefinition<NodeExpandVolumeRequest, NodeExpandVolumeResponse, NodeExpandVolumeRequest__Output, NodeExpandVolumeResponse__Output>
  NodeGetCapabilities: MethodDefinition<NodeGetCapabilitiesRequest, NodeGetCapabilitiesResponse, NodeGetCapabilitiesRequest__Output, NodeGetCapabilitiesResponse__Output>
  NodeGetInfo: MethodDefinition<NodeGetInfoRequest, NodeGetInfoResponse, NodeGetInfoRequest__Output, NodeGetInfoResponse__Output>
  NodeGetVolumeStats: MethodDefinition<NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, NodeGetVolumeStatsRequest__Output, NodeGetVolumeStatsResponse__Output>
  NodePublishVolume: MethodDefinition<NodePublishVolumeRequest, NodePublishVolumeResponse, NodePublishVolumeRequest__Output, NodePublishVolumeResponse__Output>
  NodeStageVolume: MethodDefinition<NodeStageVolumeRequest, NodeStageVolumeResponse, NodeStageVolumeRequest__Output, NodeStageVolumeResponse__Output>
  NodeUnpublishVolume: MethodDefinition<NodeUnpublishVolumeRequest, NodeUnpublishVolumeResponse, NodeUnpublishVolumeRequest__Output, NodeUnpublishVolumeResponse__Output>
  NodeUnstageVolume: MethodDefinition<NodeUnstageVolumeRequest, NodeUnstageVolumeResponse, NodeUnstageVolumeRequest__Output, NodeUnstageVolumeResponse__Output>
}

export interface NodeExpandVolumeRequest {
  'volume_id'?: (string);
  'volume_path'?: (string);
  'capacity_range'?: (CapacityRange | null);
  'staging_target_path'?: (string);
  'volume_capability'?: (VolumeCapability | null);
  'secrets'?: ({[key: string]: string});
}

export interface NodeExpandVolumeRequest__Output {
  'volume_id': (string);
  'volume_path': (string);
  'capacity_range': (CapacityRange__Output | null);
  'staging_target_path': (string);
  'volume_capability': (VolumeCapability__Output | null);
  'secrets': ({[key: string]: string});
}

export interface NodeExpandVolumeResponse {
  'capacity_bytes'?: (number | string | Long);
}

export interface NodeExpandVolumeResponse__Output {
  'capacity_bytes': (string);
}

export interface NodeGetCapabilitiesRequest {
}

export interface NodeGetCapabilitiesRequest__Output {
}

export interface NodeGetCapabilitiesResponse {
  'capabilities'?: (NodeServiceCapability)[];
}

export interface NodeGetCapabilitiesResponse__Output {
  'capabilities': (NodeServiceCapability__Output)[];
}

export interface NodeGetInfoRequest {
}

export interface NodeGetInfoRequest__Output {
}

export interface NodeGetInfoResponse {
  'node_id'?: (string);
  'max_volumes_per_node'?: (number | string | Long);
  'accessible_topology'?: (Topology | null);
}

export interface NodeGetInfoResponse__Output {
  'node_id': (string);
  'max_volumes_per_node': (string);
  'accessible_topology': (Topology__Output | null);
}

export interface NodeGetVolumeStatsRequest {
  'volume_id'?: (string);
  'volume_path'?: (string);
  'staging_target_path'?: (string);
}

export interface NodeGetVolumeStatsRequest__Output {
  'volume_id': (string);
  'volume_path': (string);
  'staging_target_path': (string);
}

export interface NodeGetVolumeStatsResponse {
  'usage'?: (VolumeUsage)[];
  'volume_condition'?: (VolumeCondition | null);
}

export interface NodeGetVolumeStatsResponse__Output {
  'usage': (VolumeUsage__Output)[];
  'volume_condition': (VolumeCondition__Output | null);
}

export interface NodePublishVolumeRequest {
  'volume_id'?: (string);
  'publish_context'?: ({[key: string]: string});
  'staging_target_path'?: (string);
  'target_path'?: (string);
  'volume_capability'?: (VolumeCapability | null);
  'readonly'?: (boolean);
  'secrets'?: ({[key: string]: string});
  'volume_context'?: ({[key: string]: string});
}

export interface NodePublishVolumeRequest__Output {
  'volume_id': (string);
  'publish_context': ({[key: string]: string});
  'staging_target_path': (string);
  'target_path': (string);
  'volume_capability': (VolumeCapability__Output | null);
  'readonly': (boolean);
  'secrets': ({[key: string]: string});
  'volume_context': ({[key: string]: string});
}

export interface NodePublishVolumeResponse {
}

export interface NodePublishVolumeResponse__Output {
}

export interface NodeServiceCapability_RPC {
  'type'?: (NodeServiceCapability_RPC_Type);
}

export interface NodeServiceCapability_RPC__Output {
  'type': (NodeServiceCapability_RPC_Type__Output);
}

export const NodeServiceCapability_RPC_Type = {
  UNKNOWN: 'UNKNOWN',
  STAGE_UNSTAGE_VOLUME: 'STAGE_UNSTAGE_VOLUME',
  GET_VOLUME_STATS: 'GET_VOLUME_STATS',
  EXPAND_VOLUME: 'EXPAND_VOLUME',
  VOLUME_CONDITION: 'VOLUME_CONDITION',
  SINGLE_NODE_MULTI_WRITER: 'SINGLE_NODE_MULTI_WRITER',
  VOLUME_MOUNT_GROUP: 'VOLUME_MOUNT_GROUP',
} as const;

export type NodeServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 0
  | 'STAGE_UNSTAGE_VOLUME'
  | 1
  | 'GET_VOLUME_STATS'
  | 2
  | 'EXPAND_VOLUME'
  | 3
  | 'VOLUME_CONDITION'
  | 4
  | 'SINGLE_NODE_MULTI_WRITER'
  | 5
  | 'VOLUME_MOUNT_GROUP'
  | 6

export type NodeServiceCapability_RPC_Type__Output = typeof NodeServiceCapability_RPC_Type[keyof typeof NodeServiceCapability_RPC_Type]

export interface NodeServiceCapability {
  'rpc'?: (NodeServiceCapability_RPC | null);
  'type'?: "rpc";
}

export interface NodeServiceCapability__Output {
  'rpc'?: (NodeServiceCapability_RPC__Output | null);
  'type'?: "rpc";
}

export interface NodeStageVolumeRequest {
  'volume_id'?: (string);
  'publish_context'?: ({[key: string]: string});
  'staging_target_path'?: (string);
  'volume_capability'?: (VolumeCapability | null);
  'secrets'?: ({[key: string]: string});
  'volume_context'?: ({[key: string]: string});
}

export interface NodeStageVolumeRequest__Output {
  'volume_id': (string);
  'publish_context': ({[key: string]: string});
  'staging_target_path': (string);
  'volume_capability': (VolumeCapability__Output | null);
  'secrets': ({[key: string]: string});
  'volume_context': ({[key: string]: string});
}

export interface NodeStageVolumeResponse {
}

export interface NodeStageVolumeResponse__Output {
}

export interface NodeUnpublishVolumeRequest {
  'volume_id'?: (string);
  'target_path'?: (string);
}

export interface NodeUnpublishVolumeRequest__Output {
  'volume_id': (string);
  'target_path': (string);
}

export interface NodeUnpublishVolumeResponse {
}

export interface NodeUnpublishVolumeResponse__Output {
}

export interface NodeUnstageVolumeRequest {
  'volume_id'?: (string);
  'staging_target_path'?: (string);
}

export interface NodeUnstageVolumeRequest__Output {
  'volume_id': (string);
  'staging_target_path': (string);
}

export interface NodeUnstageVolumeResponse {
}

export interface NodeUnstageVolumeResponse__Output {
}

export interface PluginCapability_Service {
  'type'?: (PluginCapability_Service_Type);
}

export interface PluginCapability_Service__Output {
  'type': (PluginCapability_Service_Type__Output);
}

export const PluginCapability_Service_Type = {
  UNKNOWN: 'UNKNOWN',
  CONTROLLER_SERVICE: 'CONTROLLER_SERVICE',
  VOLUME_ACCESSIBILITY_CONSTRAINTS: 'VOLUME_ACCESSIBILITY_CONSTRAINTS',
  GROUP_CONTROLLER_SERVICE: 'GROUP_CONTROLLER_SERVICE',
  SNAPSHOT_METADATA_SERVICE: 'SNAPSHOT_METADATA_SERVICE',
} as const;

export type PluginCapability_Service_Type =
  | 'UNKNOWN'
  | 0
  | 'CONTROLLER_SERVICE'
  | 1
  | 'VOLUME_ACCESSIBILITY_CONSTRAINTS'
  | 2
  | 'GROUP_CONTROLLER_SERVICE'
  | 3
  | 'SNAPSHOT_METADATA_SERVICE'
  | 4

export type PluginCapability_Service_Type__Output = typeof PluginCapability_Service_Type[keyof typeof PluginCapability_Service_Type]

export const PluginCapability_VolumeExpansion_Type = {
  UNKNOWN: 'UNKNOWN',
  ONLINE: 'ONLINE',
  OFFLINE: 'OFFLINE',
} as const;

export type PluginCapability_VolumeExpansion_Type =
  | 'UNKNOWN'
  | 0
  | 'ONLINE'
  | 1
  | 'OFFLINE'
  | 2

export type PluginCapability_VolumeExpansion_Type__Output = typeof PluginCapability_VolumeExpansion_Type[keyof typeof PluginCapability_VolumeExpansion_Type]

export interface PluginCapability_VolumeExpansion {
  'type'?: (PluginCapability_VolumeExpansion_Type);
}

export interface PluginCapability_VolumeExpansion__Output {
  'type': (PluginCapability_VolumeExpansion_Type__Output);
}

export interface PluginCapability {
  'service'?: (PluginCapability_Service | null);
  'volume_expansion'?: (PluginCapability_VolumeExpansion | null);
  'type'?: "service"|"volume_expansion";
}

export interface PluginCapability__Output {
  'service'?: (PluginCapability_Service__Output | null);
  'volume_expansion'?: (PluginCapability_VolumeExpansion__Output | null);
  'type'?: "service"|"volume_expansion";
}

export interface ProbeRequest {
}

export interface ProbeRequest__Output {
}

export interface ProbeResponse {
  'ready'?: (BoolValue | null);
}

export interface ProbeResponse__Output {
  'ready': (BoolValue__Output | null);
}

export interface Snapshot {
  'size_bytes'?: (number | string | Long);
  'snapshot_id'?: (string);
  'source_volume_id'?: (string);
  'creation_time'?: (Timestamp | null);
  'ready_to_use'?: (boolean);
  'group_snapshot_id'?: (string);
}

export interface Snapshot__Output {
  'size_bytes': (string);
  'snapshot_id': (string);
  'source_volume_id': (string);
  'creation_time': (Timestamp__Output | null);
  'ready_to_use': (boolean);
  'group_snapshot_id': (string);
}

export interface SnapshotMetadataClient extends grpc.Client {
  GetMetadataAllocated(argument: GetMetadataAllocatedRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataAllocatedResponse__Output>;
  GetMetadataAllocated(argument: GetMetadataAllocatedRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataAllocatedResponse__Output>;
  getMetadataAllocated(argument: GetMetadataAllocatedRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataAllocatedResponse__Output>;
  getMetadataAllocated(argument: GetMetadataAllocatedRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataAllocatedResponse__Output>;

  GetMetadataDelta(argument: GetMetadataDeltaRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataDeltaResponse__Output>;
  GetMetadataDelta(argument: GetMetadataDeltaRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataDeltaResponse__Output>;
  getMetadataDelta(argument: GetMetadataDeltaRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataDeltaResponse__Output>;
  getMetadataDelta(argument: GetMetadataDeltaRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<GetMetadataDeltaResponse__Output>;

}

export interface SnapshotMetadataHandlers extends grpc.UntypedServiceImplementation {
  GetMetadataAllocated: grpc.handleServerStreamingCall<GetMetadataAllocatedRequest__Output, GetMetadataAllocatedResponse>;

  GetMetadataDelta: grpc.handleServerStreamingCall<GetMetadataDeltaRequest__Output, GetMetadataDeltaResponse>;

}

export interface SnapshotMetadataDefinition extends grpc.ServiceDefinition {
  GetMetadataAllocated: MethodDefinition<GetMetadataAllocatedRequest, GetMetadataAllocatedResponse, GetMetadataAllocatedRequest__Output, GetMetadataAllocatedResponse__Output>
  GetMetadataDelta: MethodDefinition<GetMetadataDeltaRequest, GetMetadataDeltaResponse, GetMetadataDeltaRequest__Output, GetMetadataDeltaResponse__Output>
}

export interface Topology {
  'segments'?: ({[key: string]: string});
}

export interface Topology__Output {
  'segments': ({[key: string]: string});
}

export interface TopologyRequirement {
  'requisite'?: (Topology)[];
  'preferred'?: (Topology)[];
}

export interface TopologyRequirement__Output {
  'requisite': (Topology__Output)[];
  'preferred': (Topology__Output)[];
}

export interface ValidateVolumeCapabilitiesRequest {
  'volume_id'?: (string);
  'volume_context'?: ({[key: string]: string});
  'volume_capabilities'?: (VolumeCapability)[];
  'parameters'?: ({[key: string]: string});
  'secrets'?: ({[key: string]: string});
  'mutable_parameters'?: ({[key: string]: string});
}

export interface ValidateVolumeCapabilitiesRequest__Output {
  'volume_id': (string);
  'volume_context': ({[key: string]: string});
  'volume_capabilities': (VolumeCapability__Output)[];
  'parameters': ({[key: string]: string});
  'secrets': ({[key: string]: string});
  'mutable_parameters': ({[key: string]: string});
}

export interface ValidateVolumeCapabilitiesResponse_Confirmed {
  'volume_context'?: ({[key: string]: string});
  'volume_capabilities'?: (VolumeCapability)[];
  'parameters'?: ({[key: string]: string});
  'mutable_parameters'?: ({[key: string]: string});
}

export interface ValidateVolumeCapabilitiesResponse_Confirmed__Output {
  'volume_context': ({[key: string]: string});
  'volume_capabilities': (VolumeCapability__Output)[];
  'parameters': ({[key: string]: string});
  'mutable_parameters': ({[key: string]: string});
}

export interface ValidateVolumeCapabilitiesResponse {
  'confirmed'?: (ValidateVolumeCapabilitiesResponse_Confirmed | null);
  'message'?: (string);
}

export interface ValidateVolumeCapabilitiesResponse__Output {
  'confirmed': (ValidateVolumeCapabilitiesResponse_Confirmed__Output | null);
  'message': (string);
}

export interface Volume {
  'capacity_bytes'?: (number | string | Long);
  'volume_id'?: (string);
  'volume_context'?: ({[key: string]: string});
  'content_source'?: (VolumeContentSource | null);
  'accessible_topology'?: (Topology)[];
}

export interface Volume__Output {
  'capacity_bytes': (string);
  'volume_id': (string);
  'volume_context': ({[key: string]: string});
  'content_source': (VolumeContentSource__Output | null);
  'accessible_topology': (Topology__Output)[];
}

export interface VolumeCapability_AccessMode {
  'mode'?: (VolumeCapability_AccessMode_Mode);
}

export interface VolumeCapability_AccessMode__Output {
  'mode': (VolumeCapability_AccessMode_Mode__Output);
}

export interface VolumeCapability_BlockVolume {
}

export interface VolumeCapability_BlockVolume__Output {
}

export const VolumeCapability_AccessMode_Mode = {
  UNKNOWN: 'UNKNOWN',
  SINGLE_NODE_WRITER: 'SINGLE_NODE_WRITER',
  SINGLE_NODE_READER_ONLY: 'SINGLE_NODE_READER_ONLY',
  MULTI_NODE_READER_ONLY: 'MULTI_NODE_READER_ONLY',
  MULTI_NODE_SINGLE_WRITER: 'MULTI_NODE_SINGLE_WRITER',
  MULTI_NODE_MULTI_WRITER: 'MULTI_NODE_MULTI_WRITER',
  SINGLE_NODE_SINGLE_WRITER: 'SINGLE_NODE_SINGLE_WRITER',
  SINGLE_NODE_MULTI_WRITER: 'SINGLE_NODE_MULTI_WRITER',
} as const;

export type VolumeCapability_AccessMode_Mode =
  | 'UNKNOWN'
  | 0
  | 'SINGLE_NODE_WRITER'
  | 1
  | 'SINGLE_NODE_READER_ONLY'
  | 2
  | 'MULTI_NODE_READER_ONLY'
  | 3
  | 'MULTI_NODE_SINGLE_WRITER'
  | 4
  | 'MULTI_NODE_MULTI_WRITER'
  | 5
  | 'SINGLE_NODE_SINGLE_WRITER'
  | 6
  | 'SINGLE_NODE_MULTI_WRITER'
  | 7

export type VolumeCapability_AccessMode_Mode__Output = typeof VolumeCapability_AccessMode_Mode[keyof typeof VolumeCapability_AccessMode_Mode]

export interface VolumeCapability_MountVolume {
  'fs_type'?: (string);
  'mount_flags'?: (string)[];
  'volume_mount_group'?: (string);
}

export interface VolumeCapability_MountVolume__Output {
  'fs_type': (string);
  'mount_flags': (string)[];
  'volume_mount_group': (string);
}

export interface VolumeCapability {
  'block'?: (VolumeCapability_BlockVolume | null);
  'mount'?: (VolumeCapability_MountVolume | null);
  'access_mode'?: (VolumeCapability_AccessMode | null);
  'access_type'?: "block"|"mount";
}

export interface VolumeCapability__Output {
  'block'?: (VolumeCapability_BlockVolume__Output | null);
  'mount'?: (VolumeCapability_MountVolume__Output | null);
  'access_mode': (VolumeCapability_AccessMode__Output | null);
  'access_type'?: "block"|"mount";
}

export interface VolumeCondition {
  'abnormal'?: (boolean);
  'message'?: (string);
}

export interface VolumeCondition__Output {
  'abnormal': (boolean);
  'message': (string);
}

export interface VolumeContentSource_SnapshotSource {
  'snapshot_id'?: (string);
}

export interface VolumeContentSource_SnapshotSource__Output {
  'snapshot_id': (string);
}

export interface VolumeContentSource_VolumeSource {
  'volume_id'?: (string);
}

export interface VolumeContentSource_VolumeSource__Output {
  'volume_id': (string);
}

export interface VolumeContentSource {
  'snapshot'?: (VolumeContentSource_SnapshotSource | null);
  'volume'?: (VolumeContentSource_VolumeSource | null);
  'type'?: "snapshot"|"volume";
}

export interface VolumeContentSource__Output {
  'snapshot'?: (VolumeContentSource_SnapshotSource__Output | null);
  'volume'?: (VolumeContentSource_VolumeSource__Output | null);
  'type'?: "snapshot"|"volume";
}

export interface VolumeGroupSnapshot {
  'group_snapshot_id'?: (string);
  'snapshots'?: (Snapshot)[];
  'creation_time'?: (Timestamp | null);
  'ready_to_use'?: (boolean);
}

export interface VolumeGroupSnapshot__Output {
  'group_snapshot_id': (string);
  'snapshots': (Snapshot__Output)[];
  'creation_time': (Timestamp__Output | null);
  'ready_to_use': (boolean);
}

export const VolumeUsage_Unit = {
  UNKNOWN: 'UNKNOWN',
  BYTES: 'BYTES',
  INODES: 'INODES',
} as const;

export type VolumeUsage_Unit =
  | 'UNKNOWN'
  | 0
  | 'BYTES'
  | 1
  | 'INODES'
  | 2

export type VolumeUsage_Unit__Output = typeof VolumeUsage_Unit[keyof typeof VolumeUsage_Unit]

export interface VolumeUsage {
  'available'?: (number | string | Long);
  'total'?: (number | string | Long);
  'used'?: (number | string | Long);
  'unit'?: (VolumeUsage_Unit);
}

export interface VolumeUsage__Output {
  'available': (string);
  'total': (string);
  'used': (string);
  'unit': (VolumeUsage_Unit__Output);
}

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  csi: {
    v1: {
      BlockMetadata: MessageTypeDefinition<BlockMetadata, BlockMetadata__Output>
      BlockMetadataType: EnumTypeDefinition
      CapacityRange: MessageTypeDefinition<CapacityRange, CapacityRange__Output>
      Controller: SubtypeConstructor<typeof grpc.Client, ControllerClient> & { service: ControllerDefinition }
      ControllerExpandVolumeRequest: MessageTypeDefinition<ControllerExpandVolumeRequest, ControllerExpandVolumeRequest__Output>
      ControllerExpandVolumeResponse: MessageTypeDefinition<ControllerExpandVolumeResponse, ControllerExpandVolumeResponse__Output>
      ControllerGetCapabilitiesRequest: MessageTypeDefinition<ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesRequest__Output>
      ControllerGetCapabilitiesResponse: MessageTypeDefinition<ControllerGetCapabilitiesResponse, ControllerGetCapabilitiesResponse__Output>
      ControllerGetVolumeRequest: MessageTypeDefinition<ControllerGetVolumeRequest, ControllerGetVolumeRequest__Output>
      ControllerGetVolumeResponse: MessageTypeDefinition<ControllerGetVolumeResponse, ControllerGetVolumeResponse__Output>
      ControllerModifyVolumeRequest: MessageTypeDefinition<ControllerModifyVolumeRequest, ControllerModifyVolumeRequest__Output>
      ControllerModifyVolumeResponse: MessageTypeDefinition<ControllerModifyVolumeResponse, ControllerModifyVolumeResponse__Output>
      ControllerPublishVolumeRequest: MessageTypeDefinition<ControllerPublishVolumeRequest, ControllerPublishVolumeRequest__Output>
      ControllerPublishVolumeResponse: MessageTypeDefinition<ControllerPublishVolumeResponse, ControllerPublishVolumeResponse__Output>
      ControllerServiceCapability: MessageTypeDefinition<ControllerServiceCapability, ControllerServiceCapability__Output>
      ControllerUnpublishVolumeRequest: MessageTypeDefinition<ControllerUnpublishVolumeRequest, ControllerUnpublishVolumeRequest__Output>
      ControllerUnpublishVolumeResponse: MessageTypeDefinition<ControllerUnpublishVolumeResponse, ControllerUnpublishVolumeResponse__Output>
      CreateSnapshotRequest: MessageTypeDefinition<CreateSnapshotRequest, CreateSnapshotRequest__Output>
      CreateSnapshotResponse: MessageTypeDefinition<CreateSnapshotResponse, CreateSnapshotResponse__Output>
      CreateVolumeGroupSnapshotRequest: MessageTypeDefinition<CreateVolumeGroupSnapshotRequest, CreateVolumeGroupSnapshotRequest__Output>
      CreateVolumeGroupSnapshotResponse: MessageTypeDefinition<CreateVolumeGroupSnapshotResponse, CreateVolumeGroupSnapshotResponse__Output>
      CreateVolumeRequest: MessageTypeDefinition<CreateVolumeRequest, CreateVolumeRequest__Output>
      CreateVolumeResponse: MessageTypeDefinition<CreateVolumeResponse, CreateVolumeResponse__Output>
      DeleteSnapshotRequest: MessageTypeDefinition<DeleteSnapshotRequest, DeleteSnapshotRequest__Output>
      DeleteSnapshotResponse: MessageTypeDefinition<DeleteSnapshotResponse, DeleteSnapshotResponse__Output>
      DeleteVolumeGroupSnapshotRequest: MessageTypeDefinition<DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotRequest__Output>
      DeleteVolumeGroupSnapshotResponse: MessageTypeDefinition<DeleteVolumeGroupSnapshotResponse, DeleteVolumeGroupSnapshotResponse__Output>
      DeleteVolumeRequest: MessageTypeDefinition<DeleteVolumeRequest, DeleteVolumeRequest__Output>
      DeleteVolumeResponse: MessageTypeDefinition<DeleteVolumeResponse, DeleteVolumeResponse__Output>
      GetCapacityRequest: MessageTypeDefinition<GetCapacityRequest, GetCapacityRequest__Output>
      GetCapacityResponse: MessageTypeDefinition<GetCapacityResponse, GetCapacityResponse__Output>
      GetMetadataAllocatedRequest: MessageTypeDefinition<GetMetadataAllocatedRequest, GetMetadataAllocatedRequest__Output>
      GetMetadataAllocatedResponse: MessageTypeDefinition<GetMetadataAllocatedResponse, GetMetadataAllocatedResponse__Output>
      GetMetadataDeltaRequest: MessageTypeDefinition<GetMetadataDeltaRequest, GetMetadataDeltaRequest__Output>
      GetMetadataDeltaResponse: MessageTypeDefinition<GetMetadataDeltaResponse, GetMetadataDeltaResponse__Output>
      GetPluginCapabilitiesRequest: MessageTypeDefinition<GetPluginCapabilitiesRequest, GetPluginCapabilitiesRequest__Output>
      GetPluginCapabilitiesResponse: MessageTypeDefinition<GetPluginCapabilitiesResponse, GetPluginCapabilitiesResponse__Output>
      GetPluginInfoRequest: MessageTypeDefinition<GetPluginInfoRequest, GetPluginInfoRequest__Output>
      GetPluginInfoResponse: MessageTypeDefinition<GetPluginInfoResponse, GetPluginInfoResponse__Output>
      GetSnapshotRequest: MessageTypeDefinition<GetSnapshotRequest, GetSnapshotRequest__Output>
      GetSnapshotResponse: MessageTypeDefinition<GetSnapshotResponse, GetSnapshotResponse__Output>
      GetVolumeGroupSnapshotRequest: MessageTypeDefinition<GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotRequest__Output>
      GetVolumeGroupSnapshotResponse: MessageTypeDefinition<GetVolumeGroupSnapshotResponse, GetVolumeGroupSnapshotResponse__Output>
      GroupController: SubtypeConstructor<typeof grpc.Client, GroupControllerClient> & { service: GroupControllerDefinition }
      GroupControllerGetCapabilitiesRequest: MessageTypeDefinition<GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesRequest__Output>
      GroupControllerGetCapabilitiesResponse: MessageTypeDefinition<GroupControllerGetCapabilitiesResponse, GroupControllerGetCapabilitiesResponse__Output>
      GroupControllerServiceCapability: MessageTypeDefinition<GroupControllerServiceCapability, GroupControllerServiceCapability__Output>
      Identity: SubtypeConstructor<typeof grpc.Client, IdentityClient> & { service: IdentityDefinition }
      ListSnapshotsRequest: MessageTypeDefinition<ListSnapshotsRequest, ListSnapshotsRequest__Output>
      ListSnapshotsResponse: MessageTypeDefinition<ListSnapshotsResponse, ListSnapshotsResponse__Output>
      ListVolumesRequest: MessageTypeDefinition<ListVolumesRequest, ListVolumesRequest__Output>
      ListVolumesResponse: MessageTypeDefinition<ListVolumesResponse, ListVolumesResponse__Output>
      Node: SubtypeConstructor<typeof grpc.Client, NodeClient> & { service: NodeDefinition }
      NodeExpandVolumeRequest: MessageTypeDefinition<NodeExpandVolumeRequest, NodeExpandVolumeRequest__Output>
      NodeExpandVolumeResponse: MessageTypeDefinition<NodeExpandVolumeResponse, NodeExpandVolumeResponse__Output>
      NodeGetCapabilitiesRequest: MessageTypeDefinition<NodeGetCapabilitiesRequest, NodeGetCapabilitiesRequest__Output>
      NodeGetCapabilitiesResponse: MessageTypeDefinition<NodeGetCapabilitiesResponse, NodeGetCapabilitiesResponse__Output>
      NodeGetInfoRequest: MessageTypeDefinition<NodeGetInfoRequest, NodeGetInfoRequest__Output>
      NodeGetInfoResponse: MessageTypeDefinition<NodeGetInfoResponse, NodeGetInfoResponse__Output>
      NodeGetVolumeStatsRequest: MessageTypeDefinition<NodeGetVolumeStatsRequest, NodeGetVolumeStatsRequest__Output>
      NodeGetVolumeStatsResponse: MessageTypeDefinition<NodeGetVolumeStatsResponse, NodeGetVolumeStatsResponse__Output>
      NodePublishVolumeRequest: MessageTypeDefinition<NodePublishVolumeRequest, NodePublishVolumeRequest__Output>
      NodePublishVolumeResponse: MessageTypeDefinition<NodePublishVolumeResponse, NodePublishVolumeResponse__Output>
      NodeServiceCapability: MessageTypeDefinition<NodeServiceCapability, NodeServiceCapability__Output>
      NodeStageVolumeRequest: MessageTypeDefinition<NodeStageVolumeRequest, NodeStageVolumeRequest__Output>
      NodeStageVolumeResponse: MessageTypeDefinition<NodeStageVolumeResponse, NodeStageVolumeResponse__Output>
      NodeUnpublishVolumeRequest: MessageTypeDefinition<NodeUnpublishVolumeRequest, NodeUnpublishVolumeRequest__Output>
      NodeUnpublishVolumeResponse: MessageTypeDefinition<NodeUnpublishVolumeResponse, NodeUnpublishVolumeResponse__Output>
      NodeUnstageVolumeRequest: MessageTypeDefinition<NodeUnstageVolumeRequest, NodeUnstageVolumeRequest__Output>
      NodeUnstageVolumeResponse: MessageTypeDefinition<NodeUnstageVolumeResponse, NodeUnstageVolumeResponse__Output>
      PluginCapability: MessageTypeDefinition<PluginCapability, PluginCapability__Output>
      ProbeRequest: MessageTypeDefinition<ProbeRequest, ProbeRequest__Output>
      ProbeResponse: MessageTypeDefinition<ProbeResponse, ProbeResponse__Output>
      Snapshot: MessageTypeDefinition<Snapshot, Snapshot__Output>
      SnapshotMetadata: SubtypeConstructor<typeof grpc.Client, SnapshotMetadataClient> & { service: SnapshotMetadataDefinition }
      Topology: MessageTypeDefinition<Topology, Topology__Output>
      TopologyRequirement: MessageTypeDefinition<TopologyRequirement, TopologyRequirement__Output>
      ValidateVolumeCapabilitiesRequest: MessageTypeDefinition<ValidateVolumeCapabilitiesRequest, ValidateVolumeCapabilitiesRequest__Output>
      ValidateVolumeCapabilitiesResponse: MessageTypeDefinition<ValidateVolumeCapabilitiesResponse, ValidateVolumeCapabilitiesResponse__Output>
      Volume: MessageTypeDefinition<Volume, Volume__Output>
      VolumeCapability: MessageTypeDefinition<VolumeCapability, VolumeCapability__Output>
      VolumeCondition: MessageTypeDefinition<VolumeCondition, VolumeCondition__Output>
      VolumeContentSource: MessageTypeDefinition<VolumeContentSource, VolumeContentSource__Output>
      VolumeGroupSnapshot: MessageTypeDefinition<VolumeGroupSnapshot, VolumeGroupSnapshot__Output>
      VolumeUsage: MessageTypeDefinition<VolumeUsage, VolumeUsage__Output>
    }
  }
  google: {
    protobuf: {
      BoolValue: MessageTypeDefinition<BoolValue, BoolValue__Output>
      Int64Value: MessageTypeDefinition<Int64Value, Int64Value__Output>
      Timestamp: MessageTypeDefinition<Timestamp, Timestamp__Output>
    }
  }
}
