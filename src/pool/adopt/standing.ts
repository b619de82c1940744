/** How a found pool stands to the configuration of this machine. Pure. */
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import type { FoundPool } from "./found-pools.ts";

/** A pool of the configuration, and what is known of it here. */
export interface ConfiguredPool {
  readonly name: PoolName;
  /** Of the pool on its devices, or active under its name; absent: it is not to be told. */
  readonly uuid?: PoolUuid;
}

export type Standing =
  /** Not configured, and its name is free. */
  | { readonly kind: "new" }
  /** Configured by its name. */
  | { readonly kind: "configured" }
  /** Its devices are configured for a pool of another name, which therefore does not open. */
  | { readonly kind: "misnamed"; readonly as: PoolName }
  /** Its name is configured, for another pool. */
  | { readonly kind: "clash"; readonly uuid: PoolUuid }
  /** Its name is configured, and nothing tells for which pool: that one's devices are not there. */
  | { readonly kind: "unsure" };

export function standingOf({ uuid, name }: FoundPool, configured: readonly ConfiguredPool[]): Standing {
  const namesake = configured.find((each) => each.name === name);
  if (namesake?.uuid === uuid) return { kind: "configured" };
  const holder = configured.find((each) => each.uuid === uuid);
  if (holder !== undefined) return { kind: "misnamed", as: holder.name };
  if (namesake === undefined) return { kind: "new" };
  return namesake.uuid === undefined ? { kind: "unsure" } : { kind: "clash", uuid: namesake.uuid };
}

/** Why a found pool cannot be adopted under that name (its own unless given), as the configuration stands; else undefined. */
export function objectionTo(
  pool: FoundPool,
  configured: readonly ConfiguredPool[],
  as: PoolName | undefined,
): string | undefined {
  const standing = standingOf(pool, configured);
  const { name, uuid } = pool;
  if (as !== undefined && as !== name) {
    if (standing.kind === "configured" || standing.kind === "misnamed") {
      const own = standing.kind === "configured" ? name : standing.as;
      return `pool ${name} (${uuid}) is configured here as ${own}; take it out of the configuration before it gets another name`;
    }
    const holder = configured.find((each) => each.name === as);
    return holder === undefined
      ? undefined
      : `the name ${as} is configured here for ${describe(holder)}; choose another`;
  }
  switch (standing.kind) {
    case "clash":
      return `the name ${name} is configured here for pool ${standing.uuid}; give this one another: --as NAME`;
    case "misnamed":
      return `its devices are configured here as pool ${standing.as}, and their labels say ${name}; take that pool out of the configuration, or call it ${name} there`;
    case "new":
    case "configured":
    case "unsure":
      return undefined;
  }
}

const describe = ({ uuid }: ConfiguredPool): string =>
  uuid === undefined ? "a pool whose devices are not there" : `pool ${uuid}`;
