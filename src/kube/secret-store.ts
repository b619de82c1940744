/** The CA in one Secret, its certificate in a ConfigMap beside it, which nodes have as a file. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { SecretStore } from "../identity/authority.ts";
import type { KeyAndCertificate } from "../identity/certificates.ts";
import { apiError, codeOf, CONFLICT, NOT_FOUND, type Api } from "./api.ts";

export interface StorePlace {
  readonly namespace: string;
  /** Of both objects. */
  readonly name: string;
}

export function secretStore({ core }: Pick<Api, "core">, { namespace, name }: StorePlace): SecretStore {
  const metadata: V1ObjectMeta = { name, namespace, labels: { "app.kubernetes.io/name": "dmthin" } };
  return {
    read: async () => {
      try {
        const { data } = await core.readNamespacedSecret({ name, namespace });
        const [key, certificate] = [data?.["tls.key"], data?.["tls.crt"]].map((text) =>
          Buffer.from(text ?? "", "base64").toString(),
        );
        if (key && certificate) return { key, certificate };
      } catch (error) {
        if (codeOf(error) === NOT_FOUND) return undefined;
        throw apiError(`Secret ${namespace}/${name} is not readable`, error);
      }
      throw apiError(`Secret ${namespace}/${name}`, new Error("it has no tls.key and tls.crt: delete it"));
    },
    create: async ({ key, certificate }) => {
      const body = {
        metadata,
        type: "kubernetes.io/tls",
        stringData: { "tls.key": key, "tls.crt": certificate },
      };
      try {
        await core.createNamespacedSecret({ namespace, body });
        return true;
      } catch (error) {
        if (codeOf(error) === CONFLICT) return false;
        throw apiError(`Secret ${namespace}/${name} cannot be made`, error);
      }
    },
  };
}

/** What nodes know the controllers by. A controller that finds another text there puts it right. */
export async function publishCertificate(
  { core }: Pick<Api, "core">,
  { namespace, name }: StorePlace,
  { certificate }: Pick<KeyAndCertificate, "certificate">,
): Promise<void> {
  const body = { metadata: { name, namespace }, data: { "ca.crt": certificate } };
  try {
    await core.createNamespacedConfigMap({ namespace, body });
  } catch (error) {
    if (codeOf(error) !== CONFLICT) throw apiError(`ConfigMap ${namespace}/${name} cannot be made`, error);
    await correctCertificate({ core }, { namespace, name }, body);
  }
}

async function correctCertificate(
  { core }: Pick<Api, "core">,
  { namespace, name }: StorePlace,
  body: { readonly metadata: V1ObjectMeta; readonly data: { readonly "ca.crt": string } },
): Promise<void> {
  try {
    const { data } = await core.readNamespacedConfigMap({ name, namespace });
    if (data?.["ca.crt"] !== body.data["ca.crt"])
      await core.replaceNamespacedConfigMap({ name, namespace, body });
  } catch (error) {
    throw apiError(`ConfigMap ${namespace}/${name} cannot be corrected`, error);
  }
}
