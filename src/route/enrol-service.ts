/** A controller's answer to nodes that ask for a certificate: who asks is what the API server says of the token. */
import { InvalidRequestError, OperationPendingError } from "../core/errors.ts";
import type { Service } from "../csi/server.ts";
import { serviceOf } from "../csi/services.ts";
import type { UnaryOptions } from "../csi/unary.ts";
import type { EnrolRequest__Output, EnrolResponse } from "../generated/dmthin.ts";
import { sign, type KeyAndCertificate } from "../identity/certificates.ts";
import { loadEnrolment } from "./contract.ts";
import { nodeUri } from "./identity.ts";

/** The name of the node whose driver has this token. Rejects with PreconditionError for any other token. */
export type ReviewToken = (token: string) => Promise<string>;

/** Short: a node that has left the cluster gets no other. */
export const CERTIFICATE_MS = 86_400_000;

/** Anybody may call; each call is a question to the API server. */
const MOST_AT_ONCE = 16;
const LONGEST_TOKEN = 16_384;

export function enrolmentService(
  authority: KeyAndCertificate,
  review: ReviewToken,
  now: () => Date,
  options: UnaryOptions,
): Service {
  let underWay = 0;
  const enrol = async ({ token, request }: EnrolRequest__Output): Promise<EnrolResponse> => {
    if (token === "" || token.length > LONGEST_TOKEN) throw new InvalidRequestError("token", "is no token");
    if (underWay >= MOST_AT_ONCE) throw new OperationPendingError("too many nodes enrol at once; retry");
    underWay += 1;
    try {
      const node = await review(token);
      const subject = { uri: nodeUri(node), use: "node", lifetimeMs: CERTIFICATE_MS } as const;
      const certificate = await sign(authority, request, subject, now());
      options.log.info({ node }, "node enrolled");
      return { certificate };
    } finally {
      underWay -= 1;
    }
  };
  return serviceOf(loadEnrolment(), { Enrol: enrol }, options);
}
