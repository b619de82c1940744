/** How a command that asks a running driver ends: what it says, and its exit code. */
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { EXIT, type Said } from "./answer.ts";

/** Says what `ask` resolves to. A driver that does not answer, or not what this version understands, is a complaint. */
export async function say(ask: () => Promise<Said>): Promise<number> {
  try {
    const { output, complaint, exitCode } = await ask();
    process.stdout.write(output);
    if (complaint !== undefined) complain(complaint);
    return exitCode;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof ParseError)) throw error;
    complain(messageOf(error));
    return EXIT.unknown;
  }
}

function complain(text: string): void {
  process.stderr.write(`dmthin: ${text}\n`);
}
