/**
 * Steps as data. A plan is a list of steps made by a pure function; `pool/execute.ts` is the only place that performs
 * them. Every step may be repeated: what is already so counts as done. Kill points of the fault tests are the gaps
 * between steps, so a new step is covered without anybody remembering.
 */
import type { DmName, DmUuid, ThinId } from "../core/ids.ts";
import type { Change } from "../core/records.ts";
import type { Sectors } from "../core/units.ts";
import type { StageStep } from "./stage.ts";

/** An active origin to be held still while it is snapshotted. */
export interface Suspension {
  readonly device: DmName;
  readonly uuid: DmUuid;
  /** A mount point of its filesystem, synced first so that the freeze is short. Absent for raw block. */
  readonly mountPoint?: string;
  /** Freeze by the mount point, not by the suspend: filesystems that device suspend does not freeze everywhere (btrfs). */
  readonly freezeMount: boolean;
}

export type Step =
  /** One durable transaction of the catalog. */
  | { readonly kind: "record"; readonly changes: readonly Change[] }
  /** `again`: an earlier try of the same record may have made it, then it counts as done. */
  | { readonly kind: "create-thin"; readonly thinId: ThinId; readonly again?: true }
  /** The origin must be inactive or suspended. */
  | { readonly kind: "create-snap"; readonly thinId: ThinId; readonly origin: ThinId }
  | { readonly kind: "delete-thin"; readonly thinId: ThinId }
  /** Compare-and-swap of the pool's transaction id; already `to` counts as done. */
  | { readonly kind: "set-transaction-id"; readonly from: bigint; readonly to: bigint }
  /** Reads the exact mapped sectors of a suspended thin; the result is returned by the executor under its thin id. */
  | { readonly kind: "measure"; readonly device: DmName; readonly thinId: ThinId }
  /** Fails where what was measured, and what was known before, does not fit in the pool: before anything is cut. */
  | { readonly kind: "admit" }
  /** Suspends all, performs, resumes all: under the resume guard, with nothing inside but dmsetup calls. */
  | {
      readonly kind: "while-suspended";
      readonly suspensions: readonly Suspension[];
      readonly steps: readonly Step[];
    }
  | {
      readonly kind: "activate";
      readonly device: DmName;
      readonly uuid: DmUuid;
      readonly thinId: ThinId;
      readonly length: Sectors;
    }
  | { readonly kind: "deactivate"; readonly device: DmName; readonly uuid: DmUuid }
  /** Drops a loaded table that was never resumed. */
  | { readonly kind: "clear"; readonly device: DmName }
  /** Loads a longer table of the same thin and resumes. */
  | {
      readonly kind: "grow";
      readonly device: DmName;
      readonly uuid: DmUuid;
      readonly thinId: ThinId;
      readonly length: Sectors;
    };

export type Plan = readonly Step[];

/**
 * Told of each step that has been done; of a step of a pool's setup, which is a text, before it is done. Resolves at
 * once, except in fault tests, which stop the driver here.
 */
export type AfterStep = (step: Step | StageStep | string) => Promise<void>;
