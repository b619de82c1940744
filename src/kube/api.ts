/** The API server, for a controller. Nothing else of dmthin speaks to it, and nothing else loads its client. */
import {
  ApiException,
  AuthenticationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  createConfiguration,
  CustomObjectsApi,
  EventsV1Api,
  KubeConfig,
  ServerConfiguration,
  setHeaderMiddleware,
  wrapHttpLibrary,
  type Configuration,
} from "@kubernetes/client-node";
import { EnvironmentError, messageOf } from "../core/errors.ts";
import { requestOf, type ApiRequest } from "./request.ts";

export interface Api {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly authentication: AuthenticationV1Api;
  readonly coordination: CoordinationV1Api;
  readonly events: EventsV1Api;
  readonly custom: CustomObjectsApi;
}

export interface ApiOptions {
  readonly version: string;
  /** Told of each answer but those of watches; `code` is 0 where there was none. */
  readonly answered: (request: ApiRequest, code: number) => void;
}

/** A server that takes longer is one that does not answer: what is asked can be asked again. */
const LONGEST_MS = 30_000;

/** As a pod's service account where there is one, else as KUBECONFIG says. */
export function connectApi(options: ApiOptions): Api {
  const config = new KubeConfig();
  config.loadFromDefault();
  const client = configurationOf(config, options);
  return {
    config,
    core: new CoreV1Api(client),
    authentication: new AuthenticationV1Api(client),
    coordination: new CoordinationV1Api(client),
    events: new EventsV1Api(client),
    custom: new CustomObjectsApi(client),
  };
}

function configurationOf(config: KubeConfig, { version, answered }: ApiOptions): Configuration {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new EnvironmentError("there is no API server: no service account, no KUBECONFIG");
  const plain = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
    authMethods: { default: config },
    middleware: [setHeaderMiddleware("User-Agent", `dmthin/${version}`)],
  });
  const httpApi = wrapHttpLibrary({
    send: async (context) => {
      const request = requestOf(context.getHttpMethod(), context.getUrl());
      context.setSignal(AbortSignal.timeout(LONGEST_MS));
      try {
        const response = await plain.httpApi.send(context).toPromise();
        answered(request, response.httpStatusCode);
        return response;
      } catch (error) {
        answered(request, 0);
        throw error;
      }
    },
  });
  return { ...plain, httpApi };
}

/** The HTTP code of an answer that is none; undefined where there was no answer. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof ApiException ? error.code : undefined;

export const CONFLICT = 409;
export const NOT_FOUND = 404;
/** Of who may not do that. */
export const FORBIDDEN = 403;

/** What was asked of the API server and failed. Bodies are left out: they may hold what was sent. */
export function apiError(what: string, error: unknown): EnvironmentError {
  const code = codeOf(error);
  const reason = code === undefined ? messageOf(error) : `it answered ${code}`;
  return new EnvironmentError(`API server: ${what}: ${reason}`);
}
