/** What is measured on the plain machine, without a test kernel. */
import type { Measurement } from "../model/catalogue.ts";
import { failed, type Finding, judged, type Row } from "../model/row.ts";
import { groundOf } from "./machine.ts";
import { measureProbe } from "./probe.ts";

const MEASURES: Readonly<Record<string, () => Promise<Finding>>> = { probe: measureProbe };

export async function measureOnMachine(measurements: readonly Measurement[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { name, rows: all } of measurements) {
    for (const facts of all) {
      try {
        const finding = await MEASURES[name]?.();
        rows.push(
          finding === undefined
            ? failed(facts, groundOf(), `there is no measurement ${name}`)
            : judged(facts, groundOf(), finding),
        );
      } catch (error) {
        rows.push(failed(facts, groundOf(), error instanceof Error ? error.message : String(error)));
      }
    }
  }
  return rows;
}
