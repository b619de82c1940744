/**
 * The suspend bracket: armed guard → suspend all → work → resume all → disarm. A device never stays suspended: this
 * file resumes on every path, the resume guard does if this process dies, the sweep at start if both did (promise 5).
 */
import { setTimeout as sleep } from "node:timers/promises";

import { OutcomeUnknownError, PreconditionError, errnoOf, messageOf } from "../core/errors.ts";
import type { DmName } from "../core/ids.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import { freezeMount, syncMount, thawMount } from "../host/freeze.ts";
import type { ResumeGuard } from "../host/guard-client.ts";
import type { Runner } from "../host/run.ts";
import type { Suspension } from "../plan/step.ts";

/** Longest a bracket may last before the guard resumes by itself. */
const BRACKET_DEADLINE_MS = 20_000;
/** A resume or thaw that fails is tried again after these. */
const RELEASE_PAUSES_MS: readonly number[] = [50, 200, 1000];
/** Longest for one suspend. */
const SUSPEND_TIMEOUT_MS = 12_000;

export interface BracketHands {
  readonly dmsetup: Dmsetup;
  readonly runner: Runner;
  readonly guard: ResumeGuard;
  /** As the kernel shows it now; starts no process. */
  readonly isSuspended: (device: DmName) => boolean;
  /** Told how long the devices were held still, or may have been. */
  readonly onReleased?: (ms: number) => void;
}

/** Before the bracket and before the pool's turn: then little is left to be written back while everybody waits. */
export async function syncOrigins(suspensions: readonly Suspension[], runner: Runner): Promise<void> {
  for (const each of suspensions) if (each.mountPoint !== undefined) await syncMount(runner, each.mountPoint);
}

export async function bracket(
  suspensions: readonly Suspension[],
  hands: BracketHands,
  work: () => Promise<void>,
): Promise<void> {
  const armed = await hands.guard.arm({
    deadlineMs: BRACKET_DEADLINE_MS,
    devices: suspensions.map((each) => ({ name: each.device, uuid: each.uuid })),
    mountPoints: suspensions.flatMap((each) =>
      each.freezeMount && each.mountPoint !== undefined ? [each.mountPoint] : [],
    ),
  });
  const releases: Release[][] = [];
  const began = performance.now();
  let failure: { readonly error: unknown } | undefined;
  try {
    for (const each of suspensions) {
      const mine: Release[] = [];
      releases.push(mine);
      await hold(each, hands, mine);
    }
    await work();
    requireHeld(suspensions, hands);
  } catch (error) {
    failure = { error };
  }
  const stuck = await releaseAll(releases);
  hands.onReleased?.(performance.now() - began);
  // While anything is still held, or a killed suspend may yet complete, it is the guard's: it goes on trying.
  const mayHoldLater = failure !== undefined && errnoOf(failure.error) === "ETIMEDOUT";
  const giveUp = stuck.length > 0 || mayHoldLater;
  if (giveUp) armed.fire();
  const verdict = giveUp ? "fired" : await armed.disarm();
  if (failure !== undefined) throw failure.error;
  if (stuck.length > 0) throw new OutcomeUnknownError(`resume failed: ${stuck.map(messageOf).join("; ")}`);
  if (verdict === "fired") {
    throw new OutcomeUnknownError(
      "the resume guard resumed the origin before the snapshot was complete; it is taken back",
    );
  }
}

/** A person, or a driver that knows nothing of this one, can resume too: what is suspended still was so all the time. */
function requireHeld(suspensions: readonly Suspension[], hands: BracketHands): void {
  const lost = suspensions.find((each) => !hands.isSuspended(each.device));
  if (lost === undefined) return;
  throw new OutcomeUnknownError(
    `${lost.device} was resumed by somebody before the snapshot was complete; it is taken back`,
  );
}

type Release = () => Promise<void>;

/** Puts what undoes it into `releases`, in the order of what it does. */
async function hold(each: Suspension, hands: BracketHands, releases: Release[]): Promise<void> {
  const { mountPoint } = each;
  const alreadyFrozen = each.freezeMount && mountPoint !== undefined;
  if (alreadyFrozen) await freeze(mountPoint, each, hands, releases);
  // Registered first: a suspend that fails half-way must be undone as well, and resuming a running device is harmless.
  releases.push(() => hands.dmsetup.resume(each.device));
  try {
    await hands.dmsetup.suspend(each.device, { timeoutMs: SUSPEND_TIMEOUT_MS, alreadyFrozen });
  } catch (error) {
    throw errnoOf(error) === "EBUSY" ? frozenBySomebody(each, error) : error;
  }
}

/** To be thawed in the end whatever comes of it, unless it is somebody else who froze it: then that is theirs. */
async function freeze(
  mountPoint: string,
  each: Suspension,
  hands: BracketHands,
  releases: Release[],
): Promise<void> {
  const thaw = (): Promise<void> => thawMount(hands.runner, mountPoint);
  try {
    await freezeMount(hands.runner, mountPoint);
    releases.push(thaw);
  } catch (error) {
    if (errnoOf(error) === "EBUSY") throw frozenBySomebody(each, error);
    releases.push(thaw);
    throw error;
  }
}

const frozenBySomebody = ({ device }: Suspension, cause: unknown): PreconditionError =>
  new PreconditionError(
    `${device}: its filesystem is already frozen by somebody (fsfreeze?); thaw it and retry`,
    { cause },
  );

/** In reverse order, each tried more than once. A member that fails holds up no other. Returns what failed. */
async function releaseAll(members: readonly (readonly Release[])[]): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const releases of members.toReversed()) {
    try {
      // A mount whose device stays suspended is the guard's to thaw: here the thaw would wait for the device.
      for (const release of releases.toReversed()) await repeated(release);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

async function repeated(release: Release): Promise<void> {
  for (const pause of RELEASE_PAUSES_MS) {
    try {
      return await release();
    } catch {
      await sleep(pause);
    }
  }
  return release();
}
