/** What a node tells its controllers of itself, and when. */
import type { ActiveCondition, OpenPoolReport, PoolReport } from "../core/pool-report.ts";
import type { Driver } from "../csi/driver.ts";
import type { NodeState, Pool, PoolFigures } from "../generated/dmthin.ts";

export interface StateSource {
  readonly driver: Pick<Driver, "version" | "node" | "pools" | "damage">;
  /** What is known of the configured pools only by asking the kernel; with a stuck disk it takes its time. */
  readonly report: () => Promise<readonly PoolReport[]>;
  /** What its pools stand on, as far as it is known by now. */
  readonly versions?: () => NodeVersions | undefined;
}

export interface NodeVersions {
  /** Of the running kernel. */
  readonly kernel: string;
  /** Of the kernel's thin-pool target. */
  readonly thinPoolTarget: string;
  /** Of the catalogs of open pools. */
  readonly poolFormat: number;
}

export interface StateTimes {
  readonly heartbeatMs: number;
  /** Changes that come together are told together. */
  readonly settleMs: number;
  /** Between two questions to the kernel. */
  readonly reportMs: number;
}

export const STATE_TIMES: StateTimes = { heartbeatMs: 15_000, settleMs: 100, reportMs: 5000 };

/** After which a pool has other room. All others are asked all the time, and by each controller of each node. */
const CHANGING: ReadonlySet<string> = new Set([
  "CreateVolume",
  "DeleteVolume",
  "ControllerExpandVolume",
  "CreateSnapshot",
  "DeleteSnapshot",
  "CreateVolumeGroupSnapshot",
  "DeleteVolumeGroupSnapshot",
]);

export interface StateListener {
  readonly tell: (state: NodeState) => void;
  /** Nothing more will be told. */
  readonly end: () => void;
}

/** Works only while somebody listens. */
export class StateFeed {
  readonly #source: StateSource;
  readonly #times: StateTimes;
  readonly #listeners = new Set<StateListener>();
  #reports: ReadonlyMap<string, PoolReport> = new Map();
  #reporting = false;
  #again = false;
  #reportedAt = -Infinity;
  #told = "";
  #settling: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(source: StateSource, times: StateTimes = STATE_TIMES) {
    this.#source = source;
    this.#times = times;
  }

  /** Tells `listener` at once, and from then on until the returned function is called. */
  listen(listener: StateListener): () => void {
    this.#listeners.add(listener);
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#times.heartbeatMs).unref();
    listener.tell(this.#state());
    this.#refresh();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#heartbeat);
      clearTimeout(this.#settling);
      clearTimeout(this.#later);
      this.#later = undefined;
      this.#heartbeat = undefined;
      this.#settling = undefined;
    };
  }

  /** Something may have changed. Cheap: may be called at every turn. */
  poke(): void {
    if (this.#listeners.size === 0) return;
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#tell(this.#state(), "changed");
      this.#refresh();
    }, this.#times.settleMs).unref();
  }

  /** A call of this method has been answered. */
  answered(method: string): void {
    if (CHANGING.has(method)) this.poke();
  }

  /** For the end of the node: a stream that is not ended would hold it up. */
  close(): void {
    for (const { end } of this.#listeners) end();
  }

  #beat(): void {
    this.#tell(this.#state(), "all");
    this.#refresh();
  }

  #tell(state: NodeState, which: "changed" | "all"): void {
    const text = JSON.stringify(state);
    if (which === "changed" && text === this.#told) return;
    this.#told = text;
    for (const listener of this.#listeners) listener.tell(state);
  }

  /** Not waited for: where a disk is stuck, what is known without it is told all the same. */
  #refresh(): void {
    if (this.#listeners.size === 0) return;
    // What is asked now may not be in the answer that is under way.
    if (this.#reporting) {
      this.#again = true;
      return;
    }
    const now = performance.now();
    const early = this.#reportedAt + this.#times.reportMs - now;
    if (early > 0) {
      // What was told of meanwhile is not left until the next heartbeat.
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        this.#refresh();
      }, early).unref();
      return;
    }
    this.#reporting = true;
    this.#reportedAt = now;
    void this.#source.report().then((reports) => {
      this.#reporting = false;
      if (this.#again) this.#refresh();
      this.#again = false;
      this.#reports = new Map(reports.map((report) => [report.name, report]));
      this.#tell(this.#state(), "changed");
    });
  }

  #state(): NodeState {
    const { version, node, pools: set, damage } = this.#source.driver;
    const open = set();
    const versions = this.#source.versions?.();
    return {
      node: node.name,
      version,
      opened: open !== undefined,
      pools: (open?.pools ?? []).map((pool): Pool => {
        const { available, maximumVolume, minimumVolume } = pool.knownCapacity();
        const report = this.#reports.get(pool.name);
        const known = report?.kind === "open" ? report : undefined;
        const data = known?.figures.data;
        return {
          uuid: pool.uuid,
          name: pool.name,
          is_default: pool === open?.default,
          available_bytes: String(available),
          maximum_volume_bytes: String(maximumVolume),
          minimum_volume_bytes: String(minimumVolume),
          data_bytes: String(data?.size ?? 0),
          data_used_bytes: String(data?.used ?? 0),
          conditions: conditions(report),
          figures: known === undefined ? null : figuresOf(known),
        };
      }),
      absent_pools: (open?.absent ?? []).map(({ name, reason }) => ({
        name,
        reason,
        conditions: conditions(this.#reports.get(name)),
        backing: this.#reports.get(name)?.backing.kind ?? "",
      })),
      heartbeat_ms: this.#times.heartbeatMs,
      damaged: (
        damage?.list((id) => open?.pools.some((pool) => pool.volume(id) !== undefined) ?? true) ?? []
      ).map(({ id, name, reason }) => ({ volume_id: id, name, reason })),
      ...(versions === undefined
        ? {}
        : {
            versions: {
              kernel: versions.kernel,
              thin_pool_target: versions.thinPoolTarget,
              pool_format: versions.poolFormat,
            },
          }),
    };
  }
}

const conditions = (report: PoolReport | undefined): ActiveCondition[] => [...(report?.conditions ?? [])];

const figuresOf = ({ backing, figures }: OpenPoolReport): PoolFigures => ({
  backing: backing.kind,
  mode: figures.mode,
  state: figures.state,
  metadata_bytes: String(figures.metadata.size),
  metadata_used_bytes: String(figures.metadata.used),
  promised_bytes: String(figures.promised),
  overprovision: String(figures.overprovision),
  volumes: figures.volumes.length,
  snapshots: figures.snapshots.length,
});
