/** What controller and nodes say to each other beside CSI, as grpc-js takes it. */
import { loadContract } from "../csi/proto.ts";
import type { EnrolmentDefinition, NodeLinkDefinition, ProtoGrpcType } from "../generated/dmthin.ts";

/** Of names in one question, at both ends; a node refuses more. Of 128 bytes at most each, that is a small message. */
export const MOST_NAMES = 1000;

/** In bytes, of what a controller calls itself when it asks for names; a node keeps it with each. */
export const LONGEST_ASKER = 64;

/** Metadata of a create: what the node said when it was last asked for the name. */
export const NAME_TOKEN = "dmthin-name-token";

/** Messages look as those of `csi/proto.ts` do. Throws where the file cannot be read: the installation is broken. */
export function loadNodeLink(): NodeLinkDefinition {
  return load().NodeLink.service;
}

export function loadEnrolment(): EnrolmentDefinition {
  return load().Enrolment.service;
}

function load(): ProtoGrpcType["dmthin"]["v1"] {
  // The types are generated from the very file that is loaded, see `generate:check`.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (loadContract("dmthin") as ProtoGrpcType).dmthin.v1;
}
