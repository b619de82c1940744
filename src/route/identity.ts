/**
 * Who this process is to others of the cluster: a key, its certificate, and the CA by which others are known. All may be
 * replaced while connections stand; new ones take what is then there.
 *
 * A name stands in a certificate as a URI: `dmthin://controller`, `dmthin://node/<name>`. The CA signs for nobody else.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
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
import { EnvironmentError, messageOf } from "../core/errors.ts";

/** PEM. */
export interface IdentityMaterial {
  /** One or more; more while one CA takes over from another. */
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export const CONTROLLER_URI = "dmthin://controller";
export const nodeUri = (node: string): string => `dmthin://node/${encodeURIComponent(node)}`;

/**
 * Throws EnvironmentError for what would open no connection: key and certificate that do not belong together, another name
 * than `uri`, a certificate that has ended or that none of the CAs has issued. What was there before is then better.
 */
export function requireIdentity({ ca, certificate, key }: IdentityMaterial, uri: string): void {
  const [own, ...between] = certificatesOf("the certificate", certificate);
  const authorities = certificatesOf("the CA", ca);
  if (own?.checkPrivateKey(privateKeyOf(key)) !== true)
    throw new EnvironmentError("the certificate is of another key");
  if (!isNamed(own, uri))
    throw new EnvironmentError(`the certificate is of ${own.subjectAltName ?? "nobody"}, not of ${uri}`);
  if (own.validToDate.getTime() <= Date.now())
    throw new EnvironmentError(`the certificate has ended at ${own.validToDate.toISOString()}`);
  if (!isOf(authorities, between, own))
    throw new EnvironmentError("the certificate is of another CA than those that come with it");
  requireTls({ ca, cert: certificate, key });
}

function privateKeyOf(pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new EnvironmentError(`the key cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** At least one. */
function certificatesOf(what: string, pem: Buffer): readonly X509Certificate[] {
  const found = pem.toString("latin1").match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0) throw new EnvironmentError(`${what} is no certificate in PEM`);
  try {
    return found.map((each) => new X509Certificate(each));
  } catch (error) {
    throw new EnvironmentError(`${what} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** What TLS itself does not take it would refuse at each connection. */
function requireTls(parts: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }): void {
  try {
    createSecureContext(parts);
  } catch (error) {
    throw new EnvironmentError(`TLS does not take key and certificates: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether one of `authorities` issued `own`, itself or by way of `between`. */
function isOf(
  authorities: readonly X509Certificate[],
  between: readonly X509Certificate[],
  own: X509Certificate,
): boolean {
  const issued = (issuer: X509Certificate): boolean =>
    own.checkIssued(issuer) && own.verify(issuer.publicKey);
  if (authorities.some(issued)) return true;
  const next = between.find(issued);
  return (
    next !== undefined &&
    isOf(
      authorities,
      between.filter((each) => each !== next),
      next,
    )
  );
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
