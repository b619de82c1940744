/** The API server, for a controller. Nothing else of dmthin speaks to it, and nothing else loads its client. */
import { ApiException, AuthenticationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { EnvironmentError, messageOf } from "../core/errors.ts";

export interface Api {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly authentication: AuthenticationV1Api;
}

/** As a pod's service account where there is one, else as KUBECONFIG says. */
export function connectApi(): Api {
  const config = new KubeConfig();
  config.loadFromDefault();
  return {
    config,
    core: config.makeApiClient(CoreV1Api),
    authentication: config.makeApiClient(AuthenticationV1Api),
  };
}

/** The HTTP code of an answer that is none; undefined where there was no answer. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof ApiException ? error.code : undefined;

/** What was asked of the API server and failed. Bodies are left out: they may hold what was sent. */
export function apiError(what: string, error: unknown): EnvironmentError {
  const code = codeOf(error);
  const reason = code === undefined ? messageOf(error) : `it answered ${code}`;
  return new EnvironmentError(`API server: ${what}: ${reason}`);
}
