import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ServiceDefinition, ServiceError } from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/proto-loader";
import { loadCsi } from "../../src/csi/proto.ts";
import type {
  ControllerDefinition,
  GroupControllerDefinition,
  IdentityDefinition,
  NodeDefinition,
} from "../../src/generated/csi.ts";

/** `deadlineMs`: milliseconds until the call ends as DEADLINE_EXCEEDED; a minute if not given. */
export type CallOptions = { readonly deadlineMs?: number };

type UnaryCall<Method> =
  Method extends MethodDefinition<infer Request, infer _Sent, infer _Received, infer Response>
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : never;

/** The methods of a service as promises, named as in TypeScript: `createVolume` for the rpc CreateVolume. */
export type UnaryClient<Service> = {
  readonly [Name in keyof Service as string extends Name ? never : Uncapitalize<Name & string>]: UnaryCall<
    Service[Name]
  >;
};

export type CsiClient = {
  readonly identity: UnaryClient<IdentityDefinition>;
  readonly controller: UnaryClient<ControllerDefinition>;
  readonly groupController: UnaryClient<GroupControllerDefinition>;
  readonly node: UnaryClient<NodeDefinition>;
  /** Ends the connection; calls under way are CANCELLED. */
  close(): void;
};

const defaultDeadlineMs = 60_000;

function call<Request, Response>(
  client: Client,
  method: MethodDefinition<Request, unknown, unknown, Response>,
  request: Request,
  { deadlineMs = defaultDeadlineMs }: CallOptions = {},
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const { path, requestSerialize, responseDeserialize } = method;
  const options = { deadline: Date.now() + deadlineMs };
  const done = (error: ServiceError | null, response?: Response): void => {
    if (error !== null) reject(error);
    else resolve(response as Response); // grpc-js gives exactly one of the two
  };
  client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    new Metadata(),
    options,
    done,
  );
  return promise;
}

function unaryClient<Service extends ServiceDefinition>(
  client: Client,
  service: Service,
): UnaryClient<Service> {
  const methods = Object.entries(service).map(([name, method]) => [
    name.charAt(0).toLowerCase() + name.slice(1),
    (request: object, options?: CallOptions) =>
      call(client, method as MethodDefinition<object, unknown, unknown, object>, request, options),
  ]);
  return Object.fromEntries(methods) as UnaryClient<Service>;
}

/**
 * A client of every unary CSI service at `endpoint`: `unix:///run/csi.sock`, or the path of the socket alone.
 * It connects at the first call. Calls reject with grpc-js's ServiceError: `code` is a `status`, `details` the message.
 */
export function connectCsi(endpoint: string): CsiClient {
  const client = new Client(
    endpoint.startsWith("/") ? `unix:${endpoint}` : endpoint,
    credentials.createInsecure(),
  );
  const services = loadCsi();
  return {
    identity: unaryClient(client, services.Identity),
    controller: unaryClient(client, services.Controller),
    groupController: unaryClient(client, services.GroupController),
    node: unaryClient(client, services.Node),
    close: () => client.close(),
  };
}
