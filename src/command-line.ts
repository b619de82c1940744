/** The words after `dmthin`, as a value. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { DEFAULT_CONFIGURATION, DEFAULT_STATE_DIRECTORY } from "./config/paths.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";
import type { View } from "./commands/answer.ts";
import type { Whereabouts } from "./commands/ask.ts";
import type { ReportCommand } from "./commands/report-command.ts";
import type { WatchCommand } from "./commands/watch.ts";
import { isPoolName, isPoolUuid, POOL_NAME_RULE } from "./core/ids.ts";
import type { PoolAdoptCommand } from "./pool-adopt-command.ts";
import type { PoolCommand } from "./pool-command.ts";

export type Command =
  | { readonly kind: "serve"; readonly role: "all" | "node"; readonly configuration: string }
  | { readonly kind: "controller"; readonly configuration: string }
  | {
      readonly kind: "guard";
      readonly socket: string;
      readonly stateDirectory: string;
      readonly endsAlone: boolean;
    }
  | { readonly kind: "check-config"; readonly configuration: string }
  | { readonly kind: "doctor"; readonly configuration: string; readonly root: string; readonly json: boolean }
  | PoolCommand
  | PoolAdoptCommand
  | ReportCommand
  | WatchCommand
  | { readonly kind: "version" }
  | { readonly kind: "help" };

/** On a disk: mappings as text can be large. */
const DEFAULT_WORK_DIRECTORY = "/var/tmp";

/** Throws InvalidRequestError on anything that is not a command of USAGE. */
export function parseCommandLine(args: readonly string[]): Command {
  const [name, ...rest] = args;
  switch (name) {
    case "all":
    case "node": {
      const { values } = parse(name, rest, { config: { type: "string" } });
      return { kind: "serve", role: name, configuration: values.config ?? DEFAULT_CONFIGURATION };
    }
    case "controller": {
      const { values } = parse(name, rest, { config: { type: "string" } });
      return { kind: "controller", configuration: values.config ?? DEFAULT_CONFIGURATION };
    }
    case "guard":
      return parseGuard(rest);
    case "check-config": {
      const { positionals } = parse(name, rest, {}, 1);
      return { kind: "check-config", configuration: positionals[0] ?? DEFAULT_CONFIGURATION };
    }
    case "doctor":
      return parseDoctor(rest);
    case "pool":
      return parsePool(rest);
    case "status":
      return parseReport("status", rest, "status");
    case "watch":
      return parseWatch(rest);
    case "volume":
    case "snapshot":
      return parseObjects(name, rest);
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

function parseWatch(args: readonly string[]): Command {
  const { values } = parse("watch", args, {
    every: { type: "string", default: "2" },
    config: { type: "string" },
    "state-directory": { type: "string" },
  });
  const everySeconds = Number(values.every);
  if (!/^\d{1,5}$/.test(values.every) || everySeconds < 1)
    throw new InvalidRequestError("watch --every", "must be a whole number of seconds, 1 or more");
  return { kind: "watch", everySeconds, ...whereabouts(values) };
}

function parseDoctor(args: readonly string[]): Command {
  const { values } = parse("doctor", args, {
    config: { type: "string" },
    root: { type: "string" },
    output: { type: "string", short: "o" },
  });
  const { root = "/", output } = values;
  if (!root.startsWith("/")) throw new InvalidRequestError("doctor --root", "must be an absolute path");
  if (output !== undefined && output !== "json")
    throw new InvalidRequestError("doctor --output", "must be json, or be left out for people");
  return { kind: "doctor", configuration: configuration(values), root, json: output === "json" };
}

function parseObjects(name: "volume" | "snapshot", [verb, ...rest]: readonly string[]): Command {
  if (verb === "list") return parseReport(`${name} list`, rest, `${name}-list`);
  if (verb === "show") return parseReport(`${name} show`, rest, `${name}-show`);
  throw new InvalidRequestError(`command ${name}`, "takes list or show; see dmthin --help");
}

const isOfObjects = (kind: View["kind"]): boolean =>
  kind.startsWith("volume-") || kind.startsWith("snapshot-");

/** `command`: as a person types it. */
function parseReport(command: string, args: readonly string[], kind: View["kind"]): Command {
  const shows = kind === "pool-show" || kind === "volume-show" || kind === "snapshot-show";
  const { values, positionals } = parse(
    command,
    args,
    {
      output: { type: "string", short: "o", default: "table" },
      config: { type: "string" },
      "state-directory": { type: "string" },
      ...(isOfObjects(kind) ? { measure: { type: "boolean" } as const } : {}),
    },
    shows ? 1 : 0,
  );
  if (values.output !== "json" && values.output !== "table")
    throw new InvalidRequestError(`${command} --output`, "must be json or table");
  const [wanted] = positionals;
  if (shows && wanted === undefined)
    throw new InvalidRequestError(command, "what to show is missing; see dmthin --help");
  return {
    kind: "report",
    view: shows ? { kind, wanted: wanted ?? "" } : { kind },
    json: values.output === "json",
    measure: "measure" in values && values.measure === true,
    ...whereabouts(values),
  };
}

/** How a command that asks the driver finds it. */
function whereabouts(values: {
  readonly config?: string | undefined;
  readonly "state-directory"?: string | undefined;
}): Whereabouts {
  const stateDirectory = values["state-directory"];
  return {
    configuration: configuration(values),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  };
}

function parsePool([verb, ...rest]: readonly string[]): Command {
  const config = { type: "string" } as const;
  switch (verb) {
    case "list":
      return parseReport("pool list", rest, "pool-list");
    case "show":
      return parseReport("pool show", rest, "pool-show");
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
    case "adopt":
      return parseAdopt(rest);
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
      throw new InvalidRequestError(
        "command pool",
        "takes list, show, plan, adopt, check or repair; see dmthin --help",
      );
  }
}

function parseAdopt(args: readonly string[]): Command {
  const text = { type: "string" } as const;
  const { values, positionals } = parse(
    "pool adopt",
    args,
    { config: text, as: text, output: { type: "string", short: "o", default: "text" } },
    1,
  );
  const [pool] = positionals;
  const { as, config, output } = values;
  if (output !== "json" && output !== "text")
    throw new InvalidRequestError("pool adopt --output", "must be text or json");
  if (pool !== undefined && !isPoolUuid(pool))
    throw new InvalidRequestError(
      "pool adopt",
      "takes the uuid of a pool, 32 hex digits: dmthin pool adopt lists them",
    );
  if (as !== undefined && pool === undefined)
    throw new InvalidRequestError(
      "pool adopt --as",
      "needs the uuid of a pool: dmthin pool adopt lists them",
    );
  if (as !== undefined && !isPoolName(as)) throw new InvalidRequestError("pool adopt --as", POOL_NAME_RULE);
  return {
    kind: "pool-adopt",
    json: output === "json",
    ...(pool === undefined ? {} : { pool }),
    ...(as === undefined ? {} : { as }),
    ...(config === undefined ? {} : { configuration: config }),
  };
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
