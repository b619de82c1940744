/** What a measurement on the kernel gets. */
import type { Finding } from "../model/row.ts";

export interface Context {
  /** Raw disks of equal size, all of them blank or with what an earlier measurement left. */
  readonly disks: readonly string[];
  /** Ids of the rows that are asked for. */
  readonly wanted: ReadonlySet<string>;
  /** What goes on, for who waits. */
  readonly say: (line: string) => void;
  /** A figure of one row; those that nobody asked for are dropped. Rows without one failed. */
  readonly found: (id: string, finding: Finding) => void;
}

/** Throws where it cannot go on; what it found until then counts. */
export type Measure = (context: Context) => Promise<void>;

export function diskOf({ disks }: Context, index: number): string {
  const disk = disks[index];
  if (disk === undefined) throw new Error(`disk ${index} is missing: DMTHIN_DISKS names ${disks.length}`);
  return disk;
}

/** Takes everything down, in this order. What fails is said and keeps nothing else standing: it must not hide a measurement. */
export async function takeAllDown(
  { say }: Context,
  ...ends: readonly (() => Promise<unknown> | undefined)[]
): Promise<void> {
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      say(`taking it down: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
