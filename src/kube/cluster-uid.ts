/** What tells one cluster from another, for as long as it lives. Kubernetes has no name for that but this. */
import { EnvironmentError } from "../core/errors.ts";
import { apiError, type Api } from "./api.ts";

/** The UID of the namespace kube-system. Rejects where it cannot be had. */
export async function readClusterUid({ core }: Pick<Api, "core">): Promise<string> {
  const { metadata } = await core.readNamespace({ name: "kube-system" }).catch((error: unknown) => {
    throw apiError("namespace kube-system is not readable", error);
  });
  if (metadata?.uid === undefined) throw new EnvironmentError("namespace kube-system has no UID");
  return metadata.uid;
}
