/** The words after `dmthin orphans`, as a value. */
import { OUTPUT, parse, wantsJson, whereabouts } from "./command-words.ts";
import type { OrphansCommand } from "./commands/orphans-command.ts";
import { MOST_CLEANED, type CleaningRequest } from "./core/cluster-orphans.ts";
import { InvalidRequestError } from "./core/errors.ts";
import { parseId } from "./core/ids.ts";

/** Beyond what is deleted in one go, so that the message says why. */
const MOST_WORDS = 10_000;

/** Throws InvalidRequestError. */
export function parseOrphans(args: readonly string[]): OrphansCommand {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = {
    cluster: flag,
    clean: flag,
    apply: flag,
    config: text,
    "state-directory": text,
    output: OUTPUT,
  };
  const { values, positionals } = parse("orphans", args, options, MOST_WORDS);
  const json = wantsJson("orphans", values);
  const clean = cleaningOf(values, positionals);
  return {
    kind: "orphans",
    ...(values.cluster ? { cluster: true } : {}),
    ...(clean === undefined ? {} : { clean }),
    json,
    ...whereabouts(values),
  };
}

function cleaningOf(
  { cluster, clean, apply }: { readonly cluster: boolean; readonly clean: boolean; readonly apply: boolean },
  ids: readonly string[],
): CleaningRequest | undefined {
  if (!clean) {
    if (apply || ids.length > 0)
      throw new InvalidRequestError("orphans", "takes ids and --apply with --clean only; see dmthin --help");
    return undefined;
  }
  if (!cluster)
    throw new InvalidRequestError(
      "orphans --clean",
      "is for orphans of a cluster, with --cluster; what lies on a node is taken down by hand: docs/guides/orphans.md",
    );
  if (apply && ids.length === 0)
    throw new InvalidRequestError("orphans --clean --apply", "needs the ids of what is to be deleted");
  if (ids.length > MOST_CLEANED)
    throw new InvalidRequestError("orphans --clean", `takes at most ${MOST_CLEANED} ids in one go`);
  const stranger = ids.find((id) => parseId(id) === undefined);
  if (stranger !== undefined)
    throw new InvalidRequestError(
      "orphans --clean",
      `takes ids of volumes and snapshots, as the list has them, and not ${JSON.stringify(stranger)}`,
    );
  return { ids, apply };
}
