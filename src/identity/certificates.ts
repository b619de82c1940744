/**
 * X.509, and the only place that makes it: keys, requests and certificates of one kind, ECDSA on P-256. Node.js can read
 * certificates and not make them: docs/adr/0022-certificates.md.
 */
// The library finds its parts by metadata of decorators.
import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { InvalidRequestError } from "../core/errors.ts";

/** PEM; the key is PKCS #8. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** PEM. */
export interface KeyAndRequest {
  readonly key: string;
  readonly request: string;
}

/** What a certificate is good for. Nodes serve and never call; controllers do both. */
export type Use = "node" | "controller";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Clocks of nodes differ. */
const BACKDATED_MS = 300_000;

const USES: Readonly<Record<Use, ExtendedKeyUsage[]>> = {
  node: [ExtendedKeyUsage.serverAuth],
  controller: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
};

/** A CA that signs leaves only. */
export async function makeAuthority(now: Date): Promise<KeyAndCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: "CN=dmthin CA",
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      // Two CAs have one name while one takes over from the other: their keys tell them apart.
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await exportKey(keys.privateKey), certificate: pem(certificate) };
}

/** A key that never leaves its maker, and the request that proves it. Who the maker is, the authority finds out itself. */
export async function makeRequest(): Promise<KeyAndRequest> {
  const keys = await newKeys();
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=dmthin",
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return { key: await exportKey(keys.privateKey), request: pem(request) };
}

export interface Subject {
  /** The one name of the certificate. */
  readonly uri: string;
  readonly use: Use;
  readonly lifetimeMs: number;
}

/**
 * A certificate of `subject` for the key of the request; nothing else of the request counts. Throws InvalidRequestError
 * where that is no request, is not signed by its own key, or its key is of another kind.
 */
export async function sign(
  authority: KeyAndCertificate,
  request: string,
  { uri, use, lifetimeMs }: Subject,
  now: Date,
): Promise<string> {
  const publicKey = await provenKey(request);
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await importKey(authority.key);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    // Another than the CA's: OpenSSL takes a certificate that names itself for self-signed.
    subject: `CN=dmthin ${use}`,
    issuer: issuer.subjectName,
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + lifetimeMs),
    publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(USES[use], true),
      await AuthorityKeyIdentifierExtension.create(issuer),
      new SubjectAlternativeNameExtension([{ type: "url", value: uri }], true),
    ],
  });
  return pem(certificate);
}

async function provenKey(text: string): Promise<webcrypto.CryptoKey> {
  try {
    const request = new Pkcs10CertificateRequest(text);
    if (await request.verify()) return await request.publicKey.export(ALGORITHM, ["verify"]);
  } catch (error) {
    throw new InvalidRequestError("request", "is no certificate request of a P-256 key", { cause: error });
  }
  throw new InvalidRequestError("request", "is not signed by its own key");
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  });
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

/** Positive, and of 127 random bits. */
const newSerial = (): string =>
  Buffer.from([0x40 | ((randomBytes(1)[0] ?? 0) >> 2), ...randomBytes(15)]).toString("hex");

/** With its last newline, so that texts may be put one after the other. */
const pem = (data: X509Certificate | Pkcs10CertificateRequest): string => `${data.toString("pem")}\n`;
