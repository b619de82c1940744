/**
 * The floor does what the driver did, with things of its own: an argument list of the driver's log, with other names, ids
 * and numbers in it. Pure.
 */
import type { Mutation } from "./catalogue.ts";

/** What the floor has instead. */
export interface Place {
  /** Whole arguments: devices, mount points, uuids, tables. */
  readonly words: ReadonlyMap<string, string>;
  /** Thin ids: the one to be made, the one it is cut from, the one to be deleted. */
  readonly made?: number;
  readonly origin?: number;
  readonly deleted?: number;
  /** Of the floor's pool now. */
  readonly transactionId?: bigint;
}

const need = (value: number | bigint | undefined, what: string): number | bigint => {
  if (value === undefined) throw new RangeError(`a message needs ${what}, which the floor was not given`);
  return value;
};

/** A message to a thin-pool for another one. RangeError for one that the place has nothing for. */
export function translateMessage(text: string, place: Place): string {
  const [verb = ""] = text.split(" ");
  switch (verb) {
    case "create_thin":
      return `create_thin ${need(place.made, "a new id")}`;
    case "create_snap":
      return `create_snap ${need(place.made, "a new id")} ${need(place.origin, "an origin")}`;
    case "delete":
      return `delete ${need(place.deleted, "an id to delete")}`;
    case "set_transaction_id": {
      const now = BigInt(need(place.transactionId, "a transaction id"));
      return `set_transaction_id ${now} ${now + 1n}`;
    }
    default:
      throw new RangeError(`the floor knows no message ${JSON.stringify(text)}`);
  }
}

export function translate(argv: readonly string[], place: Place): readonly string[] {
  const [, verb] = argv;
  return argv.map((word, index) => {
    if (verb === "message" && index === argv.length - 1) return translateMessage(word, place);
    return place.words.get(word) ?? word;
  });
}

/** Words of a list that name something of the driver's and that `place` has nothing for: none may be left. */
export function leftOver(argv: readonly string[], place: Place, pool: string): readonly string[] {
  return translate(argv, place).filter((word) => word.includes(`dmthin-${pool}-`));
}

/**
 * Of several recordings of one mutation the shortest: the one in which the driver did no more than the mutation (once in 64
 * it reserves new thin ids, and a pool that is watched is looked at now and then).
 */
export function typical<Recorded>(recordings: readonly (readonly Recorded[])[]): readonly Recorded[] {
  const [first, ...rest] = recordings.toSorted((one, other) => one.length - other.length);
  if (first === undefined) throw new RangeError(`nothing was recorded, and ${rest.length} more`);
  return first;
}

/** The argument lists of each mutation. */
export type Recordings = Readonly<Record<Mutation, readonly (readonly string[])[]>>;
