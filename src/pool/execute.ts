/**
 * Performs plans: the single switch over steps. Effects are idempotent, what is already so counts as done. After every
 * kernel message the pool's status is read: a message that returned 0 is not a commit.
 */
import type { PoolStatus } from "../core/dm.ts";
import {
  DamagedVolumeError,
  ForeignThinError,
  OutcomeUnknownError,
  PoolUnavailableError,
  PreconditionError,
  errnoOf,
  messageOf,
} from "../core/errors.ts";
import type { DmName, PoolName, ThinId } from "../core/ids.ts";
import type { Change } from "../core/records.ts";
import type { Sectors } from "../core/units.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import type { ResumeGuard } from "../host/guard-client.ts";
import type { Runner } from "../host/run.ts";
import type { AfterStep, Plan, Step } from "../plan/step.ts";
import type { MessageQueue } from "./queue.ts";
import { bracket, syncOrigins } from "./bracket.ts";
import type { ThinDevices } from "./thin-devices.ts";

/** What the executor works on; one a pool. */
export interface Hands {
  readonly poolDevice: DmName;
  readonly dmsetup: Dmsetup;
  readonly runner: Runner;
  readonly guard: ResumeGuard;
  readonly queue: MessageQueue;
  /** As the kernel shows it now; starts no process. */
  readonly isSuspended: (device: DmName) => boolean;
  /** Told how long a suspend bracket held its devices still. */
  readonly onReleased?: (ms: number) => void;
  readonly devices: ThinDevices;
  /** Durable commit, then memory. */
  readonly record: (changes: readonly Change[]) => Promise<void>;
  /** Every status read after a message passes here. */
  readonly onStatus: (status: PoolStatus) => void;
  /** The pool must not be written to any more until it is opened again. */
  readonly freeze: (reason: string) => void;
  /** Somebody else changed the pool: no change until it is opened again and all fits. */
  readonly fenceOff: (reason: string) => void;
  /** Throws PoolUnavailableError once the pool is frozen: asked before each step. */
  readonly requireUsable: () => void;
  readonly afterStep: AfterStep;
}

/** Exact mapped sectors of the origins measured inside a bracket. */
export type Measured = ReadonlyMap<ThinId, Sectors>;

/** What an `admit` step asks: throws where what is promised with these measures does not fit. */
export type Admission = (measured: Measured) => void;

const NO_ADMISSION: Admission = () => {
  throw new Error("an admit step in a plan that was given no admission");
};

export async function perform(
  plan: Plan,
  hands: Hands,
  admission: Admission = NO_ADMISSION,
): Promise<Measured> {
  const measured = new Map<ThinId, Sectors>();
  for (const step of plan) {
    hands.requireUsable();
    await performStep(step, { ...hands, admission }, measured);
    await hands.afterStep(step);
  }
  return measured;
}

interface PlanHands extends Hands {
  readonly admission: Admission;
}

async function performStep(step: Step, hands: PlanHands, measured: Map<ThinId, Sectors>): Promise<void> {
  switch (step.kind) {
    case "record":
      return hands.record(step.changes);
    case "create-thin":
    case "create-snap":
    case "delete-thin":
    case "set-transaction-id":
      return hands.queue.run(step.kind, async () => {
        await send(step, hands);
        await requireCommitted(hands);
      });
    case "while-suspended":
      await syncOrigins(step.suspensions, hands.runner);
      return hands.queue.run(
        `snapshot of ${step.suspensions.map((each) => each.device).join(", ")}`,
        async () => {
          await bracket(step.suspensions, hands, async () => {
            for (const inner of step.steps) {
              hands.requireUsable();
              await performInside(inner, hands, measured);
              await hands.afterStep(inner);
            }
          });
          await requireCommitted(hands);
        },
      );
    case "admit":
      return hands.admission(measured);
    case "activate":
      return hands.devices.activate(step);
    case "deactivate":
      return hands.devices.deactivate(step);
    case "grow":
      return hands.devices.grow(step);
    case "clear":
      return hands.dmsetup.clear(step.device);
    case "measure":
      throw new Error("a measure step stands outside a suspend bracket");
  }
}

/** Inside the bracket: dmsetup calls only, no catalog write, no status of the pool. */
async function performInside(step: Step, hands: PlanHands, measured: Map<ThinId, Sectors>): Promise<void> {
  switch (step.kind) {
    case "measure": {
      const status = await hands.dmsetup.thinStatus(step.device, { flush: false });
      if (status.kind === "fail")
        throw new PoolUnavailableError(`${step.device}: the kernel reports a failed thin`);
      measured.set(step.thinId, status.mapped);
      return;
    }
    case "admit":
      return hands.admission(measured);
    case "create-snap":
      return send(step, hands);
    case "record":
    case "create-thin":
    case "delete-thin":
    case "set-transaction-id":
    case "while-suspended":
    case "activate":
    case "deactivate":
    case "grow":
    case "clear":
      throw new Error(`a ${step.kind} step stands inside a suspend bracket`);
  }
}

type Message = Extract<Step, { kind: "create-thin" | "create-snap" | "delete-thin" | "set-transaction-id" }>;

function messageText(step: Message): string {
  switch (step.kind) {
    case "create-thin":
      return `create_thin ${step.thinId}`;
    case "create-snap":
      return `create_snap ${step.thinId} ${step.origin}`;
    case "delete-thin":
      return `delete ${step.thinId}`;
    case "set-transaction-id":
      return `set_transaction_id ${step.from} ${step.to}`;
  }
}

/** ENODATA of a delete is done: ids are never reused. EEXIST of a create only where it may be an earlier try's. */
function isDone(step: Message, errno: string | undefined): boolean {
  if (step.kind === "delete-thin") return errno === "ENODATA";
  return step.kind === "create-thin" && step.again === true && errno === "EEXIST";
}

async function send(step: Message, hands: Hands): Promise<void> {
  try {
    await hands.dmsetup.message(hands.poolDevice, messageText(step));
  } catch (error) {
    const errno = errnoOf(error);
    if (isDone(step, errno)) return;
    if (errno === "EEXIST" && (step.kind === "create-thin" || step.kind === "create-snap")) {
      const reason = `thin ${step.thinId} exists, and this driver did not make it`;
      hands.fenceOff(reason);
      throw new ForeignThinError(step.thinId, `${hands.poolDevice}: ${reason}; it was left alone`, {
        cause: error,
      });
    }
    if (errno === "ENODATA" && step.kind === "create-snap") {
      throw new DamagedVolumeError(
        `thin ${step.origin}, which was to be copied, is missing in the pool; restore an older snapshot or a backup`,
        { cause: error },
      );
    }
    if (errno === "EBUSY" && step.kind === "delete-thin") {
      throw new PreconditionError(`thin ${step.thinId} is still active under some device`, { cause: error });
    }
    if (errno === "EINVAL" && step.kind === "set-transaction-id" && (await hasTransactionId(step.to, hands)))
      return;
    throw new OutcomeUnknownError(`${messageText(step)}: ${messageOf(error)}`, { cause: error });
  }
}

/** Whether an earlier try of the compare-and-swap went through although its answer was lost. */
async function hasTransactionId(id: bigint, hands: Hands): Promise<boolean> {
  const status = await hands.dmsetup.poolStatus(hands.poolDevice, { flush: false });
  hands.onStatus(status);
  return status.kind === "active" && status.transactionId === id;
}

/** Reads the pool's status after a message; anything but a writable pool freezes it and leaves the outcome unknown. */
async function requireCommitted(hands: Hands): Promise<void> {
  const status = await hands.dmsetup.poolStatus(hands.poolDevice, { flush: false });
  hands.onStatus(status);
  const trouble = troubleOf(status);
  if (trouble === undefined) return;
  hands.freeze(trouble);
  throw new OutcomeUnknownError(`${hands.poolDevice}: ${trouble}; the last change may be lost`);
}

/** For a pool in trouble (`troubleOf`). */
export function wayOut(pool: PoolName, status: PoolStatus): string {
  const repair = `mend its disk, end the pods that use it, then run dmthin pool repair ${pool}`;
  const full = status.kind === "active" && status.mode === "ro" && !status.needsCheck;
  return full ? `set its metadataSize higher and restart the driver; or ${repair}` : repair;
}

/** Why a pool in this state takes no changes; undefined for `rw` and `out_of_data_space` without needs_check. */
export function troubleOf(status: PoolStatus): string | undefined {
  if (status.kind === "fail") return "the kernel reports the pool as failed";
  if (status.needsCheck) return "the pool's metadata needs a check (needs_check is set)";
  if (status.mode === "ro")
    return "the kernel switched the pool to read-only (out of metadata space, or a metadata error)";
  return undefined;
}
