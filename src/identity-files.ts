/** An identity that somebody else keeps: `ca.crt`, `tls.crt` and `tls.key` in one directory, as a Secret shows them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "./core/errors.ts";
import { followFiles } from "./follow-files.ts";
import type { Log } from "./log.ts";
import { requireIdentity, type Identity, type IdentityMaterial } from "./route/identity.ts";

const FILES: ReadonlySet<string> = new Set(["ca.crt", "tls.crt", "tls.key"]);

/**
 * Gives `identity` what lies there, now and whenever it is another. What cannot be used is told, and what was there before
 * goes on. `uri`: whose it must be.
 */
export function followIdentity(directory: string, uri: string, identity: Identity, log: Log): () => void {
  let tail: Promise<void> = Promise.resolve();
  const load = (): void => {
    tail = tail.then(async () => {
      try {
        const material = await readIdentity(directory);
        requireIdentity(material, uri);
        identity.set(material);
        log.info({ directory }, "identity taken over");
      } catch (error) {
        log.error({ directory, problem: messageOf(error) }, "no identity to be had there");
      }
    });
  };
  load();
  return followFiles({
    directory,
    matters: (name) => FILES.has(name),
    changed: load,
    lost: (problem) => log.warn({ directory }, `the identity is ${problem}`),
  });
}

async function readIdentity(directory: string): Promise<IdentityMaterial> {
  const [ca, certificate, key] = await Promise.all(
    ["ca.crt", "tls.crt", "tls.key"].map((name) => readFile(join(directory, name))),
  );
  if (ca === undefined || certificate === undefined || key === undefined) throw new RangeError("three files");
  return { ca, certificate, key };
}
