/** The cluster's CA: one, whoever of the controllers is there first. */
import { makeAuthority, type KeyAndCertificate } from "./certificates.ts";

/** Where the CA is kept; whoever can read it can be anybody in the cluster. */
export interface SecretStore {
  /** Undefined where there is none yet. Rejects where that cannot be said. */
  read(): Promise<KeyAndCertificate | undefined>;
  /** Answers false where there is one by now: the first wins, and is not touched. */
  create(authority: KeyAndCertificate): Promise<boolean>;
}

/** Rejects where the store does. */
export async function clusterAuthority(store: SecretStore, now: () => Date): Promise<KeyAndCertificate> {
  const existing = await store.read();
  if (existing !== undefined) return existing;
  const made = await makeAuthority(now());
  if (await store.create(made)) return made;
  const others = await store.read();
  if (others === undefined) throw new Error("the CA was made by another controller and is gone again");
  return others;
}
