/** The words after `dmthin`, as a value. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { DEFAULT_STATE_DIRECTORY } from "./config/paths.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";
import type { PoolCommand } from "./pool-command.ts";

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
  | PoolCommand
  | { readonly kind: "version" }
  | { readonly kind: "help" };

const DEFAULT_CONFIGURATION = "/etc/dmthin/config.yaml";
/** On a disk: mappings as text can be large. */
const DEFAULT_WORK_DIRECTORY = "/var/tmp";

export const USAGE = `usage: dmthin COMMAND

  all [--config FILE]        one machine: everything on one CSI socket
  node [--config FILE]       a node of a cluster: its pools, volumes and mounts
  controller                 the router of a cluster (not built yet)
  guard --socket PATH [--state-directory DIRECTORY] [--ends-alone]
                             resumes what a dead driver left suspended
  check-config [FILE]        prints every problem of a configuration
  pool plan NAME [--config FILE] [-o json]
                             what the driver would do to a pool's devices at its start; exit 0: that, 1: it would refuse, 2: cannot be said
  pool check NAME [--config FILE]
                             whether a pool's thin metadata is sound; exit 0: it is, 1: it is not, 2: cannot be said
  pool repair NAME [--config FILE] [--work-directory DIRECTORY] [--accept-loss] [--accept-older] [--overwrite-spare]
                             mends it; no volume of the pool may be in use, and no driver may have the pool open
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
    case "pool":
      return parsePool(rest);
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

function parsePool([verb, ...rest]: readonly string[]): Command {
  const config = { type: "string" } as const;
  switch (verb) {
    case "plan": {
      const { values, positionals } = parse(
        "pool plan",
        rest,
        { config, output: { type: "string", short: "o" } },
        1,
      );
      const output = values.output ?? "text";
      if (output !== "text" && output !== "json")
        throw new InvalidRequestError("pool plan --output", "must be text or json");
      return {
        kind: "pool-plan",
        pool: poolOf(verb, positionals),
        configuration: configuration(values),
        output,
      };
    }
    case "check": {
      const { values, positionals } = parse("pool check", rest, { config }, 1);
      return { kind: "pool-check", pool: poolOf(verb, positionals), configuration: configuration(values) };
    }
    case "repair": {
      const { values, positionals } = parse(
        "pool repair",
        rest,
        {
          config,
          "work-directory": { type: "string" },
          "accept-loss": { type: "boolean" },
          "accept-older": { type: "boolean" },
          "overwrite-spare": { type: "boolean" },
        },
        1,
      );
      return {
        kind: "pool-repair",
        pool: poolOf(verb, positionals),
        configuration: configuration(values),
        accepted: {
          loss: values["accept-loss"] ?? false,
          older: values["accept-older"] ?? false,
          overwriteSpare: values["overwrite-spare"] ?? false,
        },
        workDirectory: values["work-directory"] ?? DEFAULT_WORK_DIRECTORY,
      };
    }
    default:
      throw new InvalidRequestError("command pool", "takes plan, check or repair; see dmthin --help");
  }
}

const configuration = ({ config }: { readonly config?: string | undefined }): string =>
  config ?? DEFAULT_CONFIGURATION;

function poolOf(verb: string, [name]: readonly string[]): string {
  if (name === undefined) throw new InvalidRequestError(`pool ${verb}`, "the pool's name is missing");
  return name;
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
  throw new InvalidRequestError(command, `has too many words; see dmthin --help`);
}
