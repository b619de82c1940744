/** `dmthin status` and its kin: what a running driver reports, for people and for scripts. */
import { guessStateDirectory } from "../config.ts";
import { reportSocket } from "../config/paths.ts";
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { parseReport } from "../monitor/report-json.ts";
import type { View } from "./answer.ts";
import { answer, EXIT } from "./answer.ts";
import { askReport } from "./ask.ts";
import { paintFor } from "./paint.ts";

export interface ReportCommand {
  readonly kind: "report";
  readonly view: View;
  readonly json: boolean;
  /** Have the driver measure first what belongs to each object alone. */
  readonly measure: boolean;
  readonly configuration: string;
  /** Wins over what the configuration says. */
  readonly stateDirectory?: string;
}

/** Answers the exit code. */
export async function runReportCommand(command: ReportCommand): Promise<number> {
  try {
    const directory = command.stateDirectory ?? (await guessStateDirectory(command.configuration));
    const report = parseReport(
      await askReport(reportSocket(directory), command.measure ? "/report/measured" : "/report"),
    );
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
