/** A node's way to its certificate. */
import { readFile } from "node:fs/promises";
import { Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { EnrolResponse__Output } from "../generated/dmthin.ts";
import { makeRequest } from "../identity/certificates.ts";
import { EnvironmentError } from "../core/errors.ts";
import { loadEnrolment } from "./contract.ts";
import { NAMED_BY_URI, towardsController, type IdentityMaterial } from "./identity.ts";

export interface EnrolFiles {
  /** `host:port`. */
  readonly controller: string;
  /** Files, read each time: kubelet writes them anew. */
  readonly ca: string;
  readonly token: string;
}

const PATIENCE_MS = 15_000;

/** A new key and its certificate. Rejects where files are missing, or no controller is there, or it refuses. */
export async function enrol({
  controller,
  ca: caFile,
  token: tokenFile,
}: EnrolFiles): Promise<IdentityMaterial> {
  const [ca, token] = await Promise.all([readFile(caFile), readFile(tokenFile, "utf8")]);
  const { key, request } = await makeRequest();
  const client = new Client(`dns:///${controller}`, towardsController(ca), {
    ...NAMED_BY_URI,
    "grpc.enable_http_proxy": 0,
  });
  try {
    const { certificate } = await ask(client, { token: token.trim(), request });
    return { ca, certificate: Buffer.from(certificate), key: Buffer.from(key) };
  } finally {
    client.close();
  }
}

function ask(client: Client, request: { token: string; request: string }): Promise<EnrolResponse__Output> {
  const { path, requestSerialize, responseDeserialize } = loadEnrolment().Enrol;
  const { promise, resolve, reject } = Promise.withResolvers<EnrolResponse__Output>();
  const options = { deadline: Date.now() + PATIENCE_MS };
  const done = (error: ServiceError | null, response?: EnrolResponse__Output): void => {
    if (response !== undefined) resolve(response);
    else reject(new EnvironmentError(`enrolment: ${error?.details ?? "no answer"}`));
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
