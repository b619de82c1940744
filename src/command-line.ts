/** The words after `dmthin`, as a value. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { DEFAULT_STATE_DIRECTORY } from "./config/paths.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";

export type Command =
  | { readonly kind: "serve"; readonly role: "all" | "node"; readonly configuration: string }
  | { readonly kind: "controller" }
  | {
      readonly kind: "guard";
      readonly socket: string;
      readonly stateDirectory: string;
      readonly endsAlone: boolean;
    }
  | { readonly kind: "check-config"; readonly configuration: string }
  | { readonly kind: "version" }
  | { readonly kind: "help" };

const DEFAULT_CONFIGURATION = "/etc/dmthin/config.yaml";

export const USAGE = `usage: dmthin COMMAND

  all [--config FILE]        one machine: everything on one CSI socket
  node [--config FILE]       a node of a cluster: its pools, volumes and mounts
  controller                 the router of a cluster (not built yet)
  guard --socket PATH [--state-directory DIRECTORY] [--ends-alone]
                             resumes what a dead driver left suspended
  check-config [FILE]        prints every problem of a configuration
  --version, --help

FILE is ${DEFAULT_CONFIGURATION} unless given. NODE_NAME and CSI_ENDPOINT are used where the file does not say.
`;

/** Throws InvalidRequestError on anything that is not a command of USAGE. */
export function parseCommandLine(args: readonly string[]): Command {
  const [name, ...rest] = args;
  switch (name) {
    case "all":
    case "node": {
      const { values } = parse(name, rest, { config: { type: "string" } });
      return { kind: "serve", role: name, configuration: values.config ?? DEFAULT_CONFIGURATION };
    }
    case "controller":
      parse(name, rest, {});
      return { kind: "controller" };
    case "guard":
      return parseGuard(rest);
    case "check-config": {
      const { positionals } = parse(name, rest, {}, 1);
      return { kind: "check-config", configuration: positionals[0] ?? DEFAULT_CONFIGURATION };
    }
    case "--version":
      return { kind: "version" };
    case "--help":
    case "-h":
      return { kind: "help" };
    case undefined:
      throw new InvalidRequestError("command", "is missing; see dmthin --help");
    default:
      throw new InvalidRequestError("command", `${JSON.stringify(name)} is unknown; see dmthin --help`);
  }
}

function parseGuard(args: readonly string[]): Command {
  const { values } = parse("guard", args, {
    socket: { type: "string" },
    "state-directory": { type: "string" },
    "ends-alone": { type: "boolean" },
  });
  if (values.socket === undefined) throw new InvalidRequestError("guard --socket", "is missing");
  return {
    kind: "guard",
    socket: values.socket,
    stateDirectory: values["state-directory"] ?? DEFAULT_STATE_DIRECTORY,
    endsAlone: values["ends-alone"] ?? false,
  };
}

function parse<const Options extends ParseArgsOptionsConfig>(
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
  throw new InvalidRequestError(command, `takes one file at most; see dmthin --help`);
}
