/** Which node a token is of. The API server says so: it knows to which pod it gave the token, and where that pod runs. */
import { PreconditionError } from "../core/errors.ts";
import { DRIVER_NAME } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { ReviewToken } from "../route/enrol-service.ts";
import { apiError, type Api } from "./api.ts";

/** A node's driver, as Kubernetes names its service account. */
export interface NodeAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
}

const NODE_NAME = "authentication.kubernetes.io/node-name";
const POD_NAME = "authentication.kubernetes.io/pod-name";

export function tokenReviewer(
  { authentication }: Pick<Api, "authentication">,
  { namespace, serviceAccount }: NodeAccount,
): ReviewToken {
  const expected = `system:serviceaccount:${namespace}:${serviceAccount}`;
  return async (token) => {
    const body = { spec: { token, audiences: [DRIVER_NAME] } };
    const { status } = await authentication.createTokenReview({ body }).catch((error: unknown) => {
      throw apiError("a token cannot be reviewed", error);
    });
    if (status?.authenticated !== true || !(status.audiences ?? []).includes(DRIVER_NAME))
      throw new PreconditionError(`the token is none of this cluster for the audience ${DRIVER_NAME}`);
    const { username = "", extra } = status.user ?? {};
    if (username !== expected)
      throw new PreconditionError(`the token is of ${quote(username)}, not of ${expected}`);
    const [[node, ...others] = [], [pod] = []] = [extra?.[NODE_NAME], extra?.[POD_NAME]];
    if (node === undefined || pod === undefined || others.length > 0)
      throw new PreconditionError("the token is bound to no pod on one node: it must be a projected one");
    return node;
  };
}
