/**
 * Bytes that are no message of their method are the sender's mistake: INVALID_ARGUMENT, with a line in the log. grpc-js
 * by itself would answer INTERNAL and tell nobody.
 */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { InvalidRequestError, messageOf } from "../core/errors.ts";

/** What stands in the place of the message until its handler is asked. */
class Undecodable {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** The same service; a request that cannot be decoded reaches its handler, see `requireDecoded`. */
export function keepUndecodable(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const decode = (bytes: Buffer): unknown => {
        try {
          return method.requestDeserialize(bytes);
        } catch (error) {
          return new Undecodable(messageOf(error));
        }
      };
      return [name, { ...method, requestDeserialize: decode }];
    }),
  );
}

/** Throws InvalidRequestError. */
export function requireDecoded(request: object): object {
  if (request instanceof Undecodable)
    throw new InvalidRequestError("request", `is no message of this method: ${request.problem}`);
  return request;
}
