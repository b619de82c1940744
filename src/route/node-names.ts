/** The names that a node has, and who may give one: what it says to controllers, and to what they send. */
import { InvalidRequestError } from "../core/errors.ts";
import { lockKey } from "../core/lock-keys.ts";
import type { Operations } from "../core/operations.ts";
import { requireOpened, type Driver } from "../csi/driver.ts";
import { requireString } from "../csi/validate.ts";
import type {
  FindNamesRequest__Output,
  FindNamesResponse,
  FindNamesResponse_UnsurePool,
} from "../generated/dmthin.ts";
import { LONGEST_ASKER, MOST_NAMES } from "./contract.ts";
import { NameLeases } from "./name-leases.ts";

export class NodeNames {
  readonly #driver: Pick<Driver, "pools">;
  readonly #operations: Pick<Operations, "holds">;
  readonly #leases = new NameLeases();

  /** `operations`: of all pools of the node. */
  constructor(driver: Pick<Driver, "pools">, operations: Pick<Operations, "holds">) {
    this.#driver = driver;
    this.#operations = operations;
  }

  /**
   * From memory. A name counts as taken from the moment that an operation holds it: from then on a volume may come of it,
   * whatever becomes of the call. What is not taken is the asker's to give, unless it is held. What is taken is nobody's to
   * give, also when nothing comes of it after all: then whoever had asked last before may be giving it elsewhere. Throws
   * InvalidRequestError, PoolUnavailableError.
   */
  find({ kind, names, asker }: FindNamesRequest__Output): FindNamesResponse {
    if (names.length > MOST_NAMES) throw new InvalidRequestError("names", `are more than ${MOST_NAMES}`);
    for (const name of names) requireString("names", name);
    if (Buffer.byteLength(asker) > LONGEST_ASKER)
      throw new InvalidRequestError("asker", `is longer than ${LONGEST_ASKER} bytes`);
    const set = requireOpened(this.#driver);
    const lookup = LOOKUPS[kind];
    if (lookup === undefined) throw new InvalidRequestError("kind", "is none that this version knows");
    const found = names.flatMap((name) => {
      const pool = this.#poolOf(set, lookup, name);
      return pool === undefined ? [] : [{ name, pool_uuid: pool }];
    });
    const taken = new Set(found.map(({ name }) => name));
    const free = names.filter((name) => !taken.has(name));
    const { held, token } = this.#leases.take(free.map(lookup.key), asker);
    const others = new Set(held);
    return {
      found,
      unsure: unsurePools(set),
      held: free.filter((name) => others.has(lookup.key(name))),
      token,
    };
  }

  /**
   * Before a call begins. Throws OperationPendingError for a create of a name that is not its sender's to give any more.
   * What has the name already is what the create answers, whoever asks.
   */
  admit(method: string, request: object, token: string | undefined): void {
    const lookup = CREATES.get(method);
    const name: unknown = Reflect.get(request, "name");
    if (lookup === undefined || typeof name !== "string") return;
    const set = this.#driver.pools();
    if (set !== undefined && this.#poolOf(set, lookup, name) !== undefined) return;
    this.#leases.require(lookup.key(name), token);
  }

  /** Its UUID; "" while something of that name is being made, undefined: none. */
  #poolOf({ pools }: Pools, lookup: Lookup, name: string): string | undefined {
    const pool = pools.find((each) => lookup.has(each, name));
    return pool?.uuid ?? (this.#operations.holds(lookup.key(name)) ? "" : undefined);
  }
}

/** As the driver has them. */
type Pools = ReturnType<typeof requireOpened>;

/** What a pool holds is not known while it is not open, its catalog may be an old copy, or one of its writes was lost. */
function unsurePools({ pools, absent, default: usual }: Pools): FindNamesResponse_UnsurePool[] {
  const doubtful = pools.flatMap(({ name, condition }) =>
    condition.kind === "ready"
      ? []
      : [
          {
            name,
            may_be_default: name === usual?.name,
            reason: `the catalog of pool ${name} may not be as it was: ${condition.reason}`,
          },
        ],
  );
  const closed = absent.map(({ name, reason }) => ({
    name,
    may_be_default: usual === undefined,
    reason: `pool ${name} is not open: ${reason}`,
  }));
  return [...doubtful, ...closed];
}

interface Lookup {
  readonly has: (pool: Pools["pools"][number], name: string) => boolean;
  readonly key: (name: string) => string;
}

const VOLUME: Lookup = {
  has: (pool, name) => pool.volumeByName(name) !== undefined,
  key: lockKey.volumeName,
};
const SNAPSHOT: Lookup = {
  has: (pool, name) => pool.snapshotByName(name) !== undefined,
  key: lockKey.snapshotName,
};
const GROUP_SNAPSHOT: Lookup = {
  has: (pool, name) => pool.groupByName(name) !== undefined,
  key: lockKey.groupName,
};

const LOOKUPS: Partial<Record<FindNamesRequest__Output["kind"], Lookup>> = {
  VOLUME,
  SNAPSHOT,
  GROUP_SNAPSHOT,
};

/** What gives a name. */
const CREATES: ReadonlyMap<string, Lookup> = new Map([
  ["CreateVolume", VOLUME],
  ["CreateSnapshot", SNAPSHOT],
  ["CreateVolumeGroupSnapshot", GROUP_SNAPSHOT],
]);
