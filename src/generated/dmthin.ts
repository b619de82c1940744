// Generated from proto/dmthin.proto by `npm run generate`; never edited by hand.
//
// NodeState is what a sender may write: every field optional, 64-bit integers as string or number.
// NodeState__Output is what a receiver reads: every field there except what a oneof did not choose, 64-bit
// integers as decimal strings, an unset message null. Types nested in a message are joined by _: FindNamesRequest_Kind.

import type * as grpc from "@grpc/grpc-js";
import type { Long, MessageTypeDefinition, MethodDefinition } from "@grpc/proto-loader";

export interface AbsentPool {
  'name'?: (string);
  'reason'?: (string);
  'conditions'?: (Condition)[];
  'backing'?: (string);
}

export interface AbsentPool__Output {
  'name': (string);
  'reason': (string);
  'conditions': (Condition__Output)[];
  'backing': (string);
}

export interface Condition {
  'type'?: (string);
  'reason'?: (string);
}

export interface Condition__Output {
  'type': (string);
  'reason': (string);
}

export interface DamagedVolume {
  'volume_id'?: (string);
  'name'?: (string);
  'reason'?: (string);
}

export interface DamagedVolume__Output {
  'volume_id': (string);
  'name': (string);
  'reason': (string);
}

export interface EnrolRequest {
  'token'?: (string);
  'request'?: (string);
}

export interface EnrolRequest__Output {
  'token': (string);
  'request': (string);
}

export interface EnrolResponse {
  'certificate'?: (string);
}

export interface EnrolResponse__Output {
  'certificate': (string);
}

export interface EnrolmentClient extends grpc.Client {
  Enrol(argument: EnrolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  Enrol(argument: EnrolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  Enrol(argument: EnrolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  Enrol(argument: EnrolRequest, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  enrol(argument: EnrolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  enrol(argument: EnrolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  enrol(argument: EnrolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;
  enrol(argument: EnrolRequest, callback: grpc.requestCallback<EnrolResponse__Output>): grpc.ClientUnaryCall;

}

export interface EnrolmentHandlers extends grpc.UntypedServiceImplementation {
  Enrol: grpc.handleUnaryCall<EnrolRequest__Output, EnrolResponse>;

}

export interface EnrolmentDefinition extends grpc.ServiceDefinition {
  Enrol: MethodDefinition<EnrolRequest, EnrolResponse, EnrolRequest__Output, EnrolResponse__Output>
}

export const FindNamesRequest_Kind = {
  UNKNOWN: 'UNKNOWN',
  VOLUME: 'VOLUME',
  SNAPSHOT: 'SNAPSHOT',
  GROUP_SNAPSHOT: 'GROUP_SNAPSHOT',
} as const;

export type FindNamesRequest_Kind =
  | 'UNKNOWN'
  | 0
  | 'VOLUME'
  | 1
  | 'SNAPSHOT'
  | 2
  | 'GROUP_SNAPSHOT'
  | 3

export type FindNamesRequest_Kind__Output = typeof FindNamesRequest_Kind[keyof typeof FindNamesRequest_Kind]

export interface FindNamesRequest {
  'kind'?: (FindNamesRequest_Kind);
  'names'?: (string)[];
  'asker'?: (string);
}

export interface FindNamesRequest__Output {
  'kind': (FindNamesRequest_Kind__Output);
  'names': (string)[];
  'asker': (string);
}

export interface FindNamesResponse_Found {
  'name'?: (string);
  'pool_uuid'?: (string);
}

export interface FindNamesResponse_Found__Output {
  'name': (string);
  'pool_uuid': (string);
}

export interface FindNamesResponse_UnsurePool {
  'name'?: (string);
  'may_be_default'?: (boolean);
  'reason'?: (string);
}

export interface FindNamesResponse_UnsurePool__Output {
  'name': (string);
  'may_be_default': (boolean);
  'reason': (string);
}

export interface FindNamesResponse {
  'found'?: (FindNamesResponse_Found)[];
  'unsure'?: (FindNamesResponse_UnsurePool)[];
  'held'?: (string)[];
  'token'?: (string);
}

export interface FindNamesResponse__Output {
  'found': (FindNamesResponse_Found__Output)[];
  'unsure': (FindNamesResponse_UnsurePool__Output)[];
  'held': (string)[];
  'token': (string);
}

export interface FollowRequest {
  'cluster_uid'?: (string);
}

export interface FollowRequest__Output {
  'cluster_uid': (string);
}

export interface ListObjectsRequest {
  'pool_uuid'?: (string);
  'after'?: (string);
}

export interface ListObjectsRequest__Output {
  'pool_uuid': (string);
  'after': (string);
}

export interface ListObjectsResponse_Object {
  'id'?: (string);
  'name'?: (string);
  'size_bytes'?: (number | string | Long);
  'created_at'?: (string);
  'cluster_uid'?: (string);
  'staged'?: (boolean);
  'source_id'?: (string);
  'group_id'?: (string);
}

export interface ListObjectsResponse_Object__Output {
  'id': (string);
  'name': (string);
  'size_bytes': (string);
  'created_at': (string);
  'cluster_uid': (string);
  'staged': (boolean);
  'source_id': (string);
  'group_id': (string);
}

export interface ListObjectsResponse {
  'objects'?: (ListObjectsResponse_Object)[];
  'more'?: (boolean);
  'with_sources'?: (boolean);
}

export interface ListObjectsResponse__Output {
  'objects': (ListObjectsResponse_Object__Output)[];
  'more': (boolean);
  'with_sources': (boolean);
}

export interface NodeLinkClient extends grpc.Client {
  FindNames(argument: FindNamesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  FindNames(argument: FindNamesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  FindNames(argument: FindNamesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  FindNames(argument: FindNamesRequest, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  findNames(argument: FindNamesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  findNames(argument: FindNamesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  findNames(argument: FindNamesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;
  findNames(argument: FindNamesRequest, callback: grpc.requestCallback<FindNamesResponse__Output>): grpc.ClientUnaryCall;

  Follow(argument: FollowRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<NodeState__Output>;
  Follow(argument: FollowRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<NodeState__Output>;
  follow(argument: FollowRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<NodeState__Output>;
  follow(argument: FollowRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<NodeState__Output>;

  ListObjects(argument: ListObjectsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  ListObjects(argument: ListObjectsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  ListObjects(argument: ListObjectsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  ListObjects(argument: ListObjectsRequest, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  listObjects(argument: ListObjectsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  listObjects(argument: ListObjectsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  listObjects(argument: ListObjectsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;
  listObjects(argument: ListObjectsRequest, callback: grpc.requestCallback<ListObjectsResponse__Output>): grpc.ClientUnaryCall;

}

export interface NodeLinkHandlers extends grpc.UntypedServiceImplementation {
  FindNames: grpc.handleUnaryCall<FindNamesRequest__Output, FindNamesResponse>;

  Follow: grpc.handleServerStreamingCall<FollowRequest__Output, NodeState>;

  ListObjects: grpc.handleUnaryCall<ListObjectsRequest__Output, ListObjectsResponse>;

}

export interface NodeLinkDefinition extends grpc.ServiceDefinition {
  FindNames: MethodDefinition<FindNamesRequest, FindNamesResponse, FindNamesRequest__Output, FindNamesResponse__Output>
  Follow: MethodDefinition<FollowRequest, NodeState, FollowRequest__Output, NodeState__Output>
  ListObjects: MethodDefinition<ListObjectsRequest, ListObjectsResponse, ListObjectsRequest__Output, ListObjectsResponse__Output>
}

export interface NodeState {
  'node'?: (string);
  'version'?: (string);
  'opened'?: (boolean);
  'pools'?: (Pool)[];
  'absent_pools'?: (AbsentPool)[];
  'heartbeat_ms'?: (number);
  'versions'?: (Versions | null);
  'damaged'?: (DamagedVolume)[];
}

export interface NodeState__Output {
  'node': (string);
  'version': (string);
  'opened': (boolean);
  'pools': (Pool__Output)[];
  'absent_pools': (AbsentPool__Output)[];
  'heartbeat_ms': (number);
  'versions': (Versions__Output | null);
  'damaged': (DamagedVolume__Output)[];
}

export interface Pool {
  'uuid'?: (string);
  'name'?: (string);
  'is_default'?: (boolean);
  'available_bytes'?: (number | string | Long);
  'maximum_volume_bytes'?: (number | string | Long);
  'minimum_volume_bytes'?: (number | string | Long);
  'data_bytes'?: (number | string | Long);
  'data_used_bytes'?: (number | string | Long);
  'conditions'?: (Condition)[];
  'figures'?: (PoolFigures | null);
}

export interface Pool__Output {
  'uuid': (string);
  'name': (string);
  'is_default': (boolean);
  'available_bytes': (string);
  'maximum_volume_bytes': (string);
  'minimum_volume_bytes': (string);
  'data_bytes': (string);
  'data_used_bytes': (string);
  'conditions': (Condition__Output)[];
  'figures': (PoolFigures__Output | null);
}

export interface PoolFigures {
  'backing'?: (string);
  'mode'?: (string);
  'state'?: (string);
  'metadata_bytes'?: (number | string | Long);
  'metadata_used_bytes'?: (number | string | Long);
  'promised_bytes'?: (number | string | Long);
  'overprovision'?: (string);
  'volumes'?: (number);
  'snapshots'?: (number);
}

export interface PoolFigures__Output {
  'backing': (string);
  'mode': (string);
  'state': (string);
  'metadata_bytes': (string);
  'metadata_used_bytes': (string);
  'promised_bytes': (string);
  'overprovision': (string);
  'volumes': (number);
  'snapshots': (number);
}

export interface Versions {
  'kernel'?: (string);
  'thin_pool_target'?: (string);
  'pool_format'?: (number);
}

export interface Versions__Output {
  'kernel': (string);
  'thin_pool_target': (string);
  'pool_format': (number);
}

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  dmthin: {
    v1: {
      AbsentPool: MessageTypeDefinition<AbsentPool, AbsentPool__Output>
      Condition: MessageTypeDefinition<Condition, Condition__Output>
      DamagedVolume: MessageTypeDefinition<DamagedVolume, DamagedVolume__Output>
      EnrolRequest: MessageTypeDefinition<EnrolRequest, EnrolRequest__Output>
      EnrolResponse: MessageTypeDefinition<EnrolResponse, EnrolResponse__Output>
      Enrolment: SubtypeConstructor<typeof grpc.Client, EnrolmentClient> & { service: EnrolmentDefinition }
      FindNamesRequest: MessageTypeDefinition<FindNamesRequest, FindNamesRequest__Output>
      FindNamesResponse: MessageTypeDefinition<FindNamesResponse, FindNamesResponse__Output>
      FollowRequest: MessageTypeDefinition<FollowRequest, FollowRequest__Output>
      ListObjectsRequest: MessageTypeDefinition<ListObjectsRequest, ListObjectsRequest__Output>
      ListObjectsResponse: MessageTypeDefinition<ListObjectsResponse, ListObjectsResponse__Output>
      NodeLink: SubtypeConstructor<typeof grpc.Client, NodeLinkClient> & { service: NodeLinkDefinition }
      NodeState: MessageTypeDefinition<NodeState, NodeState__Output>
      Pool: MessageTypeDefinition<Pool, Pool__Output>
      PoolFigures: MessageTypeDefinition<PoolFigures, PoolFigures__Output>
      Versions: MessageTypeDefinition<Versions, Versions__Output>
    }
  }
}
