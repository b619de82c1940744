/** Keeps an identity fresh: another key and certificate long before the old one ends. Keys are in memory only. */
import { X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../log.ts";
import { requireIdentity, type Identity, type IdentityMaterial } from "./identity.ts";

export interface RenewalOptions {
  readonly identity: Identity;
  /** Whose it must be. */
  readonly uri: string;
  /** Gets another; may reject at any time. */
  readonly renew: () => Promise<IdentityMaterial>;
  readonly log: Log;
  readonly firstPauseMs?: number;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Of its lifetime; later ones are what failures may take. */
const RENEWED_AT = 2 / 3;

/** Until the returned function is called. */
export function keepRenewed(options: RenewalOptions): () => void {
  const end = new AbortController();
  void run(options, end.signal);
  return () => end.abort();
}

async function run(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { identity, uri, renew, log, firstPauseMs = FIRST_PAUSE_MS } = options;
  let pause = firstPauseMs;
  while (!signal.aborted) {
    let wait: number;
    try {
      const material = await renew();
      requireIdentity(material, uri);
      identity.set(material);
      pause = firstPauseMs;
      const { validToDate: until } = new X509Certificate(material.certificate);
      wait = Math.max((until.getTime() - Date.now()) * RENEWED_AT, firstPauseMs);
      log.info({ until: until.toISOString() }, "certificate renewed");
    } catch (error) {
      log.warn({ problem: messageOf(error) }, "no certificate yet");
      wait = pause;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    // Nodes that began together do not come together.
    const jittered = wait * (0.8 + Math.random() * 0.2);
    await sleep(jittered, undefined, { ref: false, signal }).catch(() => undefined);
  }
}
