/** Parameters of StorageClasses and snapshot classes: a closed set, so that a misspelt key is an error and not ignored. */
import { InvalidRequestError } from "../core/errors.ts";
import { isPoolName, type PoolName } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import { requireSmallMap, type StringMap } from "./validate.ts";

export interface StorageClass {
  readonly pool?: PoolName;
  /** As written; split and judged by mounts/mkfs-options.ts, for the filesystem that will be made. */
  readonly mkfsOptions?: string;
}

/** The sidecars' own keys (claim names, the filesystem, secrets' names): always accepted, never read as options. */
const SIDECARS_PREFIX = "csi.storage.k8s.io/";
const BUILT = ["pool", "mkfsOptions"] as const;
/** Refused whatever the value: an `encryption` that is ignored would store plaintext. */
const NOT_BUILT: ReadonlySet<string> = new Set(["copyAcrossNodes", "encryption"]);

/** Throws InvalidRequestError on a key or a value that is not allowed. */
export function parseStorageClass(parameters: StringMap): StorageClass {
  const own = ownEntries(parameters);
  for (const [key] of own) {
    if (NOT_BUILT.has(key)) throw new InvalidRequestError(`parameters.${key}`, "is not built yet: remove it");
    if (!BUILT.some((each) => each === key)) throw unknownKey(key, BUILT.join(", "));
  }
  const { pool, mkfsOptions } = Object.fromEntries(own) as Partial<Record<(typeof BUILT)[number], string>>;
  if (pool !== undefined && !isPoolName(pool)) {
    throw new InvalidRequestError("parameters.pool", `${quote(pool)} cannot be the name of a pool`);
  }
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(mkfsOptions === undefined ? {} : { mkfsOptions }),
  };
}

/** Snapshots have no options. Throws InvalidRequestError on any key that is not the sidecars'. */
export function requireNoOwnParameters(parameters: StringMap): void {
  const [first] = ownEntries(parameters);
  if (first !== undefined) throw unknownKey(first[0], "none");
}

function ownEntries(parameters: StringMap): readonly (readonly [string, string])[] {
  const entries = Object.entries(requireSmallMap("parameters", parameters));
  return entries.filter(([key]) => !key.startsWith(SIDECARS_PREFIX));
}

function unknownKey(key: string, allowed: string): InvalidRequestError {
  return new InvalidRequestError(
    "parameters",
    `${quote(key)} is not a parameter; parameters are: ${allowed}`,
  );
}
