import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRequest, sign, type KeyAndCertificate, type Use } from "../../src/identity/certificates.ts";
import type { IdentityMaterial } from "../../src/route/identity.ts";

const HOUR_MS = 3_600_000;

/** A key and a certificate of that name. */
export async function issue(
  authority: KeyAndCertificate,
  uri: string,
  use: Use,
  lifetimeMs = HOUR_MS,
): Promise<IdentityMaterial> {
  const { key, request } = await makeRequest();
  const certificate = await sign(authority, request, { uri, use, lifetimeMs }, new Date());
  return {
    ca: Buffer.from(authority.certificate),
    certificate: Buffer.from(certificate),
    key: Buffer.from(key),
  };
}

/** As a Secret shows them: `ca.crt`, `tls.crt`, `tls.key`. */
export function writeIdentity(directory: string, { ca, certificate, key }: IdentityMaterial): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of [
    ["ca.crt", ca],
    ["tls.crt", certificate],
    ["tls.key", key],
  ] as const) {
    writeFileSync(join(directory, `${name}.new`), content, { mode: 0o600 });
    renameSync(join(directory, `${name}.new`), join(directory, name));
  }
}
