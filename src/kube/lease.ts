/** One controller of all that run: whoever holds the Lease. The client library has no election of its own. */
import { V1MicroTime, type V1Lease } from "@kubernetes/client-node";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../log.ts";
import { leaseMove, type LeaseRecord, type LeaseSight } from "../plan/lease.ts";
import { apiError, codeOf, CONFLICT, NOT_FOUND, type Api } from "./api.ts";

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Of this controller; no other has it. */
  readonly identity: string;
  readonly times?: LeaseTimes;
  readonly log: Log;
}

export interface LeaseTimes {
  /** How long the others wait for a holder that says nothing. */
  readonly durationMs: number;
  /** How long a holder goes on without a renewal that succeeded; less than the others wait. */
  readonly renewMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMES: LeaseTimes = { durationMs: 30_000, renewMs: 20_000, retryMs: 5000 };

export interface Leadership {
  readonly leads: boolean;
  /** Gives the Lease back, so that the next need not wait. */
  close(): Promise<void>;
}

/** `lead` is called when the Lease is had, what it returned when it is had no more: before another can have it. */
export function runForLease(
  api: Pick<Api, "coordination">,
  { namespace, name, identity, times = LEASE_TIMES, log }: LeaseOptions,
  lead: () => () => void,
): Leadership {
  let sight: (LeaseSight & { readonly lease: V1Lease }) | undefined;
  let end: (() => void) | undefined;
  let renewedAt = -Infinity;
  let expiry: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const lose = (problem: string): void => {
    clearTimeout(expiry);
    if (end === undefined) return;
    log.warn({ lease: name, problem }, "leads no more");
    end();
    end = undefined;
  };
  const hold = (asked: number): void => {
    renewedAt = asked;
    clearTimeout(expiry);
    // Also where an answer never comes.
    const left = Math.max(0, renewedAt + times.renewMs - performance.now());
    expiry = setTimeout(() => lose("it could not be renewed in time"), left).unref();
    if (end !== undefined || closed) return;
    log.info({ lease: name, identity }, "leads");
    end = lead();
  };
  const look = async (): Promise<void> => {
    const lease = await read(api, namespace, name);
    if (lease === undefined) {
      sight = undefined;
      return;
    }
    const record = recordOf(lease);
    const same = sight !== undefined && JSON.stringify(sight.record) === JSON.stringify(record);
    sight = { lease, record, seenAt: same && sight !== undefined ? sight.seenAt : performance.now() };
  };
  const turn = async (): Promise<void> => {
    await look();
    const asked = performance.now();
    const move = leaseMove(identity, sight, asked);
    if (end !== undefined && move !== "renew") lose(`it is of ${sight?.record.holder ?? "nobody"}`);
    if (move === "wait") return;
    const body = leaseOf({ namespace, name, identity, times }, move === "create" ? undefined : sight?.lease);
    try {
      if (move === "create") await api.coordination.createNamespacedLease({ namespace, body });
      else await api.coordination.replaceNamespacedLease({ namespace, name, body });
    } catch (error) {
      // Somebody was quicker; who, the next look says.
      if (codeOf(error) === CONFLICT) return;
      throw apiError(`Lease ${namespace}/${name} cannot be written`, error);
    }
    hold(asked);
  };
  const run = async (): Promise<void> => {
    await turn().catch((error: unknown) => log.warn({ problem: messageOf(error) }, "no Lease yet"));
    if (!closed)
      timer = setTimeout(() => void (running = run()), times.retryMs * (0.8 + Math.random() * 0.4)).unref();
  };
  let running = run();
  return {
    get leads() {
      return end !== undefined;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
      const led = end !== undefined;
      lose("this controller ends");
      if (!led) return;
      await look()
        .then(async () => {
          if (sight?.record.holder !== identity) return;
          const body = leaseOf({ namespace, name, identity: "", times }, sight.lease);
          await api.coordination.replaceNamespacedLease({ namespace, name, body });
        })
        .catch((error: unknown) => log.warn({ problem: messageOf(error) }, "the Lease is not given back"));
    },
  };
}

async function read(
  { coordination }: Pick<Api, "coordination">,
  namespace: string,
  name: string,
): Promise<V1Lease | undefined> {
  try {
    return await coordination.readNamespacedLease({ namespace, name });
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw apiError(`Lease ${namespace}/${name} is not readable`, error);
  }
}

function recordOf({ spec, metadata }: V1Lease): LeaseRecord {
  return {
    holder: spec?.holderIdentity ?? "",
    // With each write another, whoever's clock it was.
    renewed: metadata?.resourceVersion ?? "",
    durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
  };
}

/** With the resourceVersion of `before`, where there is one: of two that write at once, one gets CONFLICT. */
function leaseOf(
  { namespace, name, identity, times }: Omit<Required<LeaseOptions>, "log">,
  before: V1Lease | undefined,
): V1Lease {
  const now = new V1MicroTime();
  const kept = before?.spec?.holderIdentity === identity ? before.spec : undefined;
  return {
    metadata: before?.metadata ?? { namespace, name },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
      acquireTime: kept?.acquireTime ?? now,
      renewTime: now,
      leaseTransitions:
        (before?.spec?.leaseTransitions ?? 0) + (kept === undefined && identity !== "" ? 1 : 0),
    },
  };
}
