/**
 * What no single key shows: two pools of one name, one device or directory used twice, a default pool that is not
 * there. Works on the raw value, so that these problems are reported beside those of the keys.
 */
import { tidyPath } from "./paths.ts";
import { formatPath } from "./problems.ts";

interface Claim {
  readonly path: string;
  readonly value: string;
}

/** Keys that name something a pool must have for itself; `devices` names several. */
const EXCLUSIVE = ["directory", "data", "metadata", "catalog", "devices"];

export function conflicts(raw: unknown): string[] {
  const pools = listOf(property(raw, "pools"));
  const names = claims(pools, ["name"]);
  const places = claims(pools, EXCLUSIVE).map(tidied);
  return [
    ...twice(
      names,
      (claim, first) =>
        `${claim.path}: ${claim.value} is the name of ${first.path.replace(/\.name$/, "")} too`,
    ),
    ...twice(places, (claim, first) => `${claim.path}: ${claim.value} is already used as ${first.path}`),
    ...partitions(places),
    ...strangers(pools),
    ...defaultPool(property(raw, "defaultPool"), names),
  ];
}

function claims(pools: readonly unknown[], keys: readonly string[]): Claim[] {
  return pools.flatMap((pool, index) =>
    keys.flatMap((key) => {
      const value = property(pool, key);
      if (typeof value === "string") return [{ path: formatPath(["pools", index, key]), value }];
      return listOf(value).flatMap((each, position) =>
        typeof each === "string" ? [{ path: formatPath(["pools", index, key, position]), value: each }] : [],
      );
    }),
  );
}

const tidied = (claim: Claim): Claim => ({ ...claim, value: tidyPath(claim.value) });

function twice(all: readonly Claim[], wording: (claim: Claim, first: Claim) => string): string[] {
  return all.flatMap((claim, index) => {
    const first = all.slice(0, index).find((earlier) => earlier.value === claim.value);
    return first === undefined ? [] : [wording(claim, first)];
  });
}

function partitions(all: readonly Claim[]): string[] {
  return all.flatMap(({ path, value }) => {
    const disk = partitionOf(value);
    const whole = all.find((other) => other.value === disk);
    return whole === undefined ? [] : [`${path}: ${value} is a partition of ${whole.path}`];
  });
}

/** As udev and the kernel name them: `…-part1` of by-id and by-path, `sda1`, `nvme0n1p1`. */
const PARTITIONS = [/^(.+)-part\d+$/, /^(\/dev\/(?:s|v|xv)d[a-z]+)\d+$/, /^(.*\d)p\d+$/];

/** The name of the disk, where a name is that of a partition. */
export const partitionOf = (name: string): string | undefined =>
  PARTITIONS.map((pattern) => pattern.exec(name)?.[1]).find((disk) => disk !== undefined);

/** `force` on a device that the pool does not have is a slip that would go unnoticed until it matters. */
function strangers(pools: readonly unknown[]): string[] {
  return pools.flatMap((pool, index) => {
    const backing = property(pool, "backing");
    if (backing !== "parts" && backing !== "devices") return [];
    const own = new Set(claims([pool], EXCLUSIVE).map((claim) => tidyPath(claim.value)));
    return listOf(property(pool, "force")).flatMap((device, position) =>
      typeof device !== "string" || own.has(tidyPath(device))
        ? []
        : [`${formatPath(["pools", index, "force", position])}: ${device} is not a device of this pool`],
    );
  });
}

function defaultPool(name: unknown, names: readonly Claim[]): string[] {
  if (typeof name !== "string" || names.some((claim) => claim.value === name)) return [];
  return [`defaultPool: no pool is named ${name}`];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
