/** Taking back what an operation began and could not finish. */
import { ForeignThinError, OutcomeUnknownError, messageOf } from "../core/errors.ts";
import type { Plan } from "../plan/step.ts";
import type { ThinPool } from "./thin-pool.ts";

/**
 * Throws OutcomeUnknownError where the undo fails as well: then the record stays, for a retry or the next start. On a
 * frozen pool nothing is undone: the record may have become ready on the disk, and its thin must be there then. But a
 * record that names somebody else's thin goes at once, or the next start would take that thin back for it.
 */
export async function takeBack(pool: ThinPool, title: string, undo: Plan, cause: unknown): Promise<void> {
  try {
    if (cause instanceof ForeignThinError) {
      const { thinId } = cause;
      await pool.perform(undo.filter((step) => step.kind !== "delete-thin" || step.thinId !== thinId));
      return;
    }
    pool.requireReady();
    await pool.perform(undo);
  } catch (error) {
    throw new OutcomeUnknownError(
      `${title}: ${messageOf(cause)}; taking it back failed too: ${messageOf(error)}`,
      { cause: new AggregateError([cause, error]) },
    );
  }
}
