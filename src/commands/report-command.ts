/** `dmthin status` and its kin: what a running driver reports, for people and for scripts. */
import type { View } from "./answer.ts";
import { answer } from "./answer.ts";
import { readReport } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { paintFor } from "./paint.ts";
import { say } from "./say.ts";

export interface ReportCommand extends Whereabouts {
  readonly kind: "report";
  readonly view: View;
  readonly json: boolean;
  /** Have the driver measure first what belongs to each object alone. */
  readonly measure: boolean;
}

/** Answers the exit code. */
export function runReportCommand(command: ReportCommand): Promise<number> {
  return say(async () => {
    const report = await readReport(command, command.measure ? "/report/measured" : "/report");
    return answer(command.view, report, command.json, paintFor(process.stdout, process.env));
  });
}
