/**
 * Who this process is to others of the cluster: a key, its certificate, and the CA by which others are known. All may be
 * replaced while connections stand; new ones take what is then there.
 *
 * A name stands in a certificate as a URI: `dmthin://controller`, `dmthin://node/<name>`. The CA signs for nobody else.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  credentials,
  experimental,
  ResponderBuilder,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
  type ChannelCredentials,
  type ServerCredentials,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import { EnvironmentError } from "../core/errors.ts";

/** PEM. */
export interface IdentityMaterial {
  /** One or more; more while one CA takes over from another. */
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export const CONTROLLER_URI = "dmthin://controller";
export const nodeUri = (node: string): string => `dmthin://node/${encodeURIComponent(node)}`;

/** Throws EnvironmentError where key and certificate do not belong together, or the certificate is not of that name. */
export function requireIdentity({ certificate, key }: IdentityMaterial, uri: string): void {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key)))
    throw new EnvironmentError("the certificate is of another key");
  if (!isNamed(parsed, uri))
    throw new EnvironmentError(`the certificate is of ${parsed.subjectAltName ?? "nobody"}, not of ${uri}`);
}

/** That name and no other. */
const isNamed = ({ subjectAltName }: X509Certificate, uri: string): boolean =>
  subjectAltName === `URI:${uri}`;

/** For channels: who is at the other end says the URI. TLS takes no address for a name, so all get the same. */
export const NAMED_BY_URI = { "grpc.ssl_target_name_override": "dmthin" };

type Listeners<Update> = Set<(update: Update | null) => void>;

export class Identity implements experimental.CertificateProvider {
  readonly #caListeners: Listeners<experimental.CaCertificateUpdate> = new Set();
  readonly #ownListeners: Listeners<experimental.IdentityCertificateUpdate> = new Set();
  #material: IdentityMaterial | undefined;

  /** Until the first, connections wait. */
  set(material: IdentityMaterial): void {
    this.#material = material;
    for (const listener of this.#caListeners) listener({ caCertificate: material.ca });
    for (const listener of this.#ownListeners) listener(ownUpdate(material));
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    const now = this.#material;
    if (now !== undefined) process.nextTick(listener, { caCertificate: now.ca });
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#ownListeners.add(listener);
    const now = this.#material;
    if (now !== undefined) process.nextTick(listener, ownUpdate(now));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#ownListeners.delete(listener);
  }

  /** For a controller: at the other end is that node, or no connection comes to be. */
  towards(node: string): ChannelCredentials {
    const uri = nodeUri(node);
    return experimental.createCertificateProviderChannelCredentials(this, this, {
      checkServerIdentity: onlyPeer(uri),
    });
  }

  /** For a server that serves everybody: who calls proves himself otherwise. */
  servingAnybody(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(this, null, false);
  }

  /** For a server that serves only who has a certificate of our CA; who that is, is asked at each call. */
  serving(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(this, this, true);
  }
}

/** For a node that has no certificate yet: at the other end is a controller that `ca` knows. */
export const towardsController = (ca: Buffer): ChannelCredentials =>
  credentials.createSsl(ca, null, null, { checkServerIdentity: onlyPeer(CONTROLLER_URI) });

function onlyPeer(uri: string): (host: string, peer: { readonly raw: Buffer }) => Error | undefined {
  return (_host, { raw }) => {
    const certificate = new X509Certificate(raw);
    if (isNamed(certificate, uri)) return undefined;
    return new Error(`its certificate is of ${certificate.subjectAltName ?? "nobody"}, not of ${uri}`);
  };
}

const ownUpdate = ({ certificate, key }: IdentityMaterial): experimental.IdentityCertificateUpdate => ({
  certificate,
  privateKey: key,
});

/** Nodes have certificates of the same CA, and no node serves another. */
export const onlyControllers: ServerInterceptor = (_method, call) => {
  const { sslPeerCertificate: peer } = call.getAuthContext();
  if (peer !== undefined && isNamed(new X509Certificate(peer.raw), CONTROLLER_URI))
    return new ServerInterceptingCall(call);
  const listener = new ServerListenerBuilder()
    .withOnReceiveMetadata(() =>
      call.sendStatus({ code: status.PERMISSION_DENIED, details: "only controllers are served here" }),
    )
    .build();
  const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
  return new ServerInterceptingCall(call, responder);
};
