/** Taking back what an operation began and could not finish. */
import { OutcomeUnknownError, messageOf } from "../core/errors.ts";
import type { Plan } from "../plan/step.ts";
import type { ThinPool } from "./thin-pool.ts";

/**
 * Throws OutcomeUnknownError where the undo fails as well: then the record stays, for a retry or the next start. On a
 * frozen pool nothing is undone: the record may have become ready on the disk, and its thin must be there then.
 */
export async function takeBack(pool: ThinPool, title: string, undo: Plan, cause: unknown): Promise<void> {
  try {
    pool.requireReady();
    await pool.perform(undo);
  } catch (error) {
    throw new OutcomeUnknownError(
      `${title}: ${messageOf(cause)}; taking it back failed too: ${messageOf(error)}`,
      { cause: new AggregateError([cause, error]) },
    );
  }
}
