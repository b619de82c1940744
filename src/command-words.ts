/** Words and options that several commands have. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { Whereabouts } from "./commands/ask.ts";
import { DEFAULT_CONFIGURATION } from "./config/paths.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";

/** How a command that asks the driver finds it. */
export function whereabouts(values: {
  readonly config?: string | undefined;
  readonly "state-directory"?: string | undefined;
}): Whereabouts {
  const stateDirectory = values["state-directory"];
  return {
    configuration: configuration(values),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  };
}

export const configuration = ({ config }: { readonly config?: string | undefined }): string =>
  config ?? DEFAULT_CONFIGURATION;

export function poolOf(verb: string, [name]: readonly string[]): string {
  if (name === undefined) throw new InvalidRequestError(`pool ${verb}`, "the pool's name is missing");
  return name;
}

export function parse<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
  words = 0,
) {
  try {
    const parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: words > 0 });
    if (parsed.positionals.length <= words) return parsed;
  } catch (error) {
    throw new InvalidRequestError(command, `${messageOf(error)}; see dmthin --help`, { cause: error });
  }
  throw new InvalidRequestError(command, `has too many words; see dmthin --help`);
}

export const OUTPUT = { type: "string", short: "o" } as const;

/** For programs or for people; `table` is what some commands called the latter. Throws on any other word. */
export function wantsJson(
  command: string,
  { output = "text" }: { readonly output?: string | undefined },
): boolean {
  if (output === "json") return true;
  if (output === "text" || output === "table") return false;
  throw new InvalidRequestError(`${command} --output`, "must be json or text");
}
