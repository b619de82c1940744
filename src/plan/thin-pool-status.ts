/** What a ThinPool says of a pool, from what its node says of it. Pure. */
import type { PoolMode } from "../core/dm.ts";
import {
  CONDITION_TYPES,
  type ActiveCondition,
  type BackingReport,
  type ConditionType,
} from "../core/pool-report.ts";
import type { SpaceStatus, StatusCondition, ThinPoolMode, ThinPoolStatus } from "../core/thin-pool.ts";
import { formatBytes } from "../core/units.ts";

/** As a node reports it; all in bytes. */
export interface OpenSight {
  readonly uuid: string;
  readonly name: string;
  readonly capacity: { readonly available: bigint };
  readonly data: { readonly size: bigint; readonly used: bigint };
  readonly conditions: readonly ActiveCondition[];
  readonly figures?: FiguresSight;
}

/** A newer node may have words that this version does not know: those are undefined. */
export interface FiguresSight {
  readonly backing: BackingReport["kind"] | undefined;
  readonly mode: PoolMode | undefined;
  readonly state: "ready" | "read-only" | "unusable" | undefined;
  /** Bytes. */
  readonly metadata: { readonly size: bigint; readonly used: bigint };
  /** Bytes. */
  readonly promised: bigint;
  /** A decimal number. */
  readonly overprovision: string;
  readonly volumes: number;
  readonly snapshots: number;
}

export interface AbsentSight {
  readonly name: string;
  readonly reason: string;
  readonly backing: BackingReport["kind"] | undefined;
  readonly conditions: readonly ActiveCondition[];
}

export interface VersionsSight {
  /** Of dmthin. */
  readonly version: string;
  readonly versions: {
    readonly kernel: string;
    readonly thinPoolTarget: string;
    readonly poolFormat: number;
  };
}

/** Without the time of the report, and of each condition. */
export type Sighting = Omit<ThinPoolStatus, "lastReport" | "conditions"> & {
  readonly conditions: readonly Omit<StatusCondition, "lastTransitionTime">[];
};

type Judged = Omit<StatusCondition, "lastTransitionTime">;

/** `twins`: other nodes that report a pool with its uuid. Undefined: the node has not heard of the pool itself yet. */
export function sightOpen(
  pool: OpenSight,
  node: VersionsSight,
  twins: readonly string[] = [],
): Sighting | undefined {
  const { figures } = pool;
  if (figures === undefined) return undefined;
  const ready: Judged =
    twins.length === 0
      ? { type: "Ready", status: "True", reason: "Open", message: "the pool is open" }
      : {
          type: "Ready",
          status: "False",
          reason: "ReportedTwice",
          message: `node ${twins.join(" and ")} has a pool with the same UUID: a copy of its disks is in one of them, and neither is used`,
        };
  return {
    uuid: pool.uuid,
    mode: modeOf(figures.mode, figures.state),
    ...(figures.backing === undefined ? {} : { backing: figures.backing }),
    data: spaceOf(pool.data),
    metadata: spaceOf(figures.metadata),
    promisedBytes: Number(figures.promised),
    promised: shortBytes(figures.promised),
    availableBytes: Number(pool.capacity.available),
    overprovision: figures.overprovision,
    volumes: figures.volumes,
    snapshots: figures.snapshots,
    versions: versionsOf(node),
    conditions: [ready, ...judge(pool.conditions)],
  };
}

/** `before`: what was written of it when it was last open; its disks have not become others. */
export function sightAbsent(
  pool: AbsentSight,
  node: VersionsSight,
  before: ThinPoolStatus | undefined,
): Sighting {
  const { poolFormat: _, ...versions } = versionsOf(node);
  return {
    ...(before?.uuid === undefined ? {} : { uuid: before.uuid }),
    mode: "not-open",
    ...(pool.backing === undefined ? {} : { backing: pool.backing }),
    ...(before?.data === undefined ? {} : { data: before.data }),
    ...(before?.metadata === undefined ? {} : { metadata: before.metadata }),
    versions,
    conditions: [
      { type: "Ready", status: "False", reason: "NotOpen", message: pool.reason },
      ...judge(pool.conditions),
    ],
  };
}

/** Figures stay: they are of the last report. */
export function sightAway(problem: string, before: ThinPoolStatus): Sighting {
  const { lastReport: _, ...rest } = before;
  const message = `its node does not answer: ${problem}`;
  return {
    ...rest,
    mode: "unknown",
    conditions: (["Ready", ...CONDITION_TYPES] as const).map((type) => ({
      type,
      status: "Unknown",
      reason: NODE_AWAY,
      message: type === "Ready" ? message : "",
    })),
  };
}

/** The reason of conditions that nobody can know now. */
export const NODE_AWAY = "NodeAway";

const HOLDS = {
  DataLow: "DataFilling",
  MetadataLow: "MetadataFilling",
  OutOfData: "DataFull",
  NeedsCheck: "CheckNeeded",
  ReadOnly: "NoWrites",
  DeviceMissing: "DeviceGone",
  ForeignWriter: "Fenced",
} as const satisfies Record<ConditionType, string>;

function judge(holding: readonly ActiveCondition[]): readonly Judged[] {
  return CONDITION_TYPES.map((type) => {
    const condition = holding.find((each) => each.type === type);
    return condition === undefined
      ? { type, status: "False", reason: "NotSo", message: "" }
      : { type, status: "True", reason: HOLDS[type], message: condition.reason };
  });
}

function modeOf(
  mode: PoolMode | undefined,
  state: "ready" | "read-only" | "unusable" | undefined,
): ThinPoolMode {
  if (state === "unusable") return "failed";
  if (mode === "out_of_data_space") return "out-of-data";
  if (mode === "ro" || state === "read-only") return "read-only";
  return mode === "rw" && state === "ready" ? "rw" : "unknown";
}

function spaceOf({ size, used }: { readonly size: bigint; readonly used: bigint }): SpaceStatus {
  return {
    bytes: Number(size),
    usedBytes: Number(used),
    usedPercent: size === 0n ? 0 : Number((used * 100n) / size),
    size: shortBytes(size),
  };
}

/** As Kubernetes writes sizes: `99.9Gi`. */
const shortBytes = (size: bigint): string => formatBytes(size).replace(/ (?:([KMGT]i)?B)$/, "$1");

function versionsOf({ version, versions }: VersionsSight): NonNullable<ThinPoolStatus["versions"]> {
  const { kernel, thinPoolTarget, poolFormat } = versions;
  return {
    driver: version,
    ...(kernel === "" ? {} : { kernel }),
    ...(thinPoolTarget === "" ? {} : { thinPoolTarget }),
    ...(poolFormat === 0 ? {} : { poolFormat }),
  };
}
