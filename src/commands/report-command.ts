/** `dmthin status` and its kin: what a running driver reports, for people and for scripts. */
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import type { View } from "./answer.ts";
import { answer, EXIT } from "./answer.ts";
import { readReport } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { paintFor } from "./paint.ts";

export interface ReportCommand extends Whereabouts {
  readonly kind: "report";
  readonly view: View;
  readonly json: boolean;
  /** Have the driver measure first what belongs to each object alone. */
  readonly measure: boolean;
}

/** Answers the exit code. */
export async function runReportCommand(command: ReportCommand): Promise<number> {
  try {
    const report = await readReport(command, command.measure ? "/report/measured" : "/report");
    const said = answer(command.view, report, command.json, paintFor(process.stdout, process.env));
    process.stdout.write(said.output);
    if (said.complaint !== undefined) complain(said.complaint);
    return said.exitCode;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof ParseError)) throw error;
    complain(messageOf(error));
    return EXIT.unknown;
  }
}

function complain(text: string): void {
  process.stderr.write(`dmthin: ${text}\n`);
}
