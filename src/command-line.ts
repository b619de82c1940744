/** The words after `dmthin`, as a value. */
import { configuration, OUTPUT, parse, poolOf, wantsJson, whereabouts } from "./command-words.ts";
import { DEFAULT_CONFIGURATION, DEFAULT_STATE_DIRECTORY } from "./config/paths.ts";
import { InvalidRequestError } from "./core/errors.ts";
import type { CheckConfigCommand } from "./check-config.ts";
import type { View } from "./commands/answer.ts";
import type { GrowCommand } from "./commands/grow-command.ts";
import type { OrphansCommand } from "./commands/orphans-command.ts";
import type { ReportCommand } from "./commands/report-command.ts";
import type { WatchCommand } from "./commands/watch.ts";
import { parseOrphans } from "./orphans-words.ts";
import type { PoolAdoptCommand } from "./pool-adopt-command.ts";
import type { PoolCommand } from "./pool-command.ts";
import { parseAdopt, parseRehome } from "./pool-moves-words.ts";
import type { PoolRehomeCommand } from "./pool-rehome-command.ts";

export type Command =
  | { readonly kind: "serve"; readonly role: "all" | "node"; readonly configuration: string }
  | { readonly kind: "controller"; readonly configuration: string }
  | {
      readonly kind: "guard";
      readonly socket: string;
      readonly stateDirectory: string;
      readonly endsAlone: boolean;
    }
  | CheckConfigCommand
  | { readonly kind: "doctor"; readonly configuration: string; readonly root: string; readonly json: boolean }
  | PoolCommand
  | PoolAdoptCommand
  | PoolRehomeCommand
  | GrowCommand
  | OrphansCommand
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
      const { values, positionals } = parse(name, rest, { controller: { type: "boolean" } }, 1);
      return {
        kind: "check-config",
        configuration: positionals[0] ?? DEFAULT_CONFIGURATION,
        of: values.controller === true ? "controller" : "node",
      };
    }
    case "doctor":
      return parseDoctor(rest);
    case "pool":
      return parsePool(rest);
    case "status":
      return parseReport("status", rest, "status");
    case "orphans":
      return parseOrphans(rest);
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
    output: OUTPUT,
  });
  const { root = "/" } = values;
  if (!root.startsWith("/")) throw new InvalidRequestError("doctor --root", "must be an absolute path");
  return { kind: "doctor", configuration: configuration(values), root, json: wantsJson("doctor", values) };
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
      output: OUTPUT,
      config: { type: "string" },
      "state-directory": { type: "string" },
      ...(isOfObjects(kind) ? { measure: { type: "boolean" } as const } : {}),
    },
    shows ? 1 : 0,
  );
  const json = wantsJson(command, values);
  const [wanted] = positionals;
  if (shows && wanted === undefined)
    throw new InvalidRequestError(command, "what to show is missing; see dmthin --help");
  return {
    kind: "report",
    view: shows ? { kind, wanted: wanted ?? "" } : { kind },
    json,
    measure: "measure" in values && values.measure === true,
    ...whereabouts(values),
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
      const { values, positionals } = parse("pool plan", rest, { config, output: OUTPUT }, 1);
      return {
        kind: "pool-plan",
        pool: poolOf(verb, positionals),
        configuration: configuration(values),
        json: wantsJson("pool plan", values),
      };
    }
    case "grow":
      return parseGrow(rest);
    case "adopt":
      return parseAdopt(rest);
    case "rehome":
      return parseRehome(rest);
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
        "takes list, show, plan, grow, adopt, rehome, check or repair; see dmthin --help",
      );
  }
}

function parseGrow(args: readonly string[]): Command {
  const { values, positionals } = parse(
    "pool grow",
    args,
    {
      config: { type: "string" },
      "state-directory": { type: "string" },
      output: OUTPUT,
      "dry-run": { type: "boolean", default: false },
      "release-reserve": { type: "boolean", default: false },
    },
    1,
  );
  return {
    kind: "pool-grow",
    pool: poolOf("grow", positionals),
    json: wantsJson("pool grow", values),
    dryRun: values["dry-run"],
    releaseReserve: values["release-reserve"],
    ...whereabouts(values),
  };
}
