/** What happens in the driver, counted: Prometheus metrics that grow as it works. Names: docs/reference/metrics.md. */
import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

import type { Observer, TrimOutcome } from "../core/observer.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** From a kernel message to a call that waits for a stuck disk; in seconds. */
const CALL_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** Up to what a turn is waited for; in seconds. */
const QUEUE_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Up to the end of a bracket by the resume guard; in seconds. */
const SUSPEND_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];

const LIFE_EVENTS = ["opened", "open-failed", "given-up"] as const;
const RECOVERIES = ["settled", "left"] as const;
const FOUND = ["resumed", "thawed", "left"] as const;

const TRIMS = ["done", "skipped", "stopped", "failed"] as const satisfies readonly TrimOutcome[];

const seconds = (ms: number): number => ms / 1000;

/** CSI calls, of a node as of a controller. */
export const rpcDurations = (registry: Registry): Histogram<"method" | "code"> =>
  new Histogram({
    name: "dmthin_rpc_duration_seconds",
    help: "Time from a CSI call to its answer, by method and gRPC code.",
    labelNames: ["method", "code"],
    buckets: CALL_BUCKETS,
    registers: [registry],
  });

export class DriverMetrics implements Observer {
  readonly #rpcs: Histogram<"method" | "code">;
  readonly #commands: Counter<"tool" | "exit_code">;
  readonly #commandSeconds: Counter<"tool">;
  readonly #waits: Histogram<"pool">;
  readonly #turns: Histogram<"pool">;
  readonly #refusals: Counter<"pool">;
  readonly #suspends: Histogram<"pool">;
  readonly #life: Counter<"pool" | "event">;
  readonly #recovered: Counter<"pool" | "outcome">;
  readonly #found: Counter<"outcome">;
  readonly #trims: Counter<"pool" | "outcome">;
  readonly #trimmed: Counter<"pool">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#rpcs = rpcDurations(registry);
    this.#commands = new Counter({
      name: "dmthin_commands_total",
      help: "Programs of the host that have ended, by exit code; none: ended by a signal, or never started.",
      labelNames: ["tool", "exit_code"],
      registers,
    });
    this.#commandSeconds = new Counter({
      name: "dmthin_command_seconds_total",
      help: "Time that these programs ran.",
      labelNames: ["tool"],
      registers,
    });
    this.#waits = new Histogram({
      name: "dmthin_pool_queue_wait_seconds",
      help: "Time that kernel messages and suspend brackets waited for their turn in the pool's queue.",
      labelNames: ["pool"],
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#turns = new Histogram({
      name: "dmthin_pool_queue_turn_seconds",
      help: "Time that such turns lasted.",
      labelNames: ["pool"],
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#refusals = new Counter({
      name: "dmthin_pool_queue_refusals_total",
      help: "Turns that never began: they did not come in time, or the pool was given up.",
      labelNames: ["pool"],
      registers,
    });
    this.#suspends = new Histogram({
      name: "dmthin_pool_suspend_duration_seconds",
      help: "Time that volumes were held still for a snapshot.",
      labelNames: ["pool"],
      buckets: SUSPEND_BUCKETS,
      registers,
    });
    this.#life = new Counter({
      name: "dmthin_pool_life_events_total",
      help: "Pools that were opened, could not be opened, or were given up to be opened again.",
      labelNames: ["pool", "event"],
      registers,
    });
    this.#recovered = new Counter({
      name: "dmthin_recovered_operations_total",
      help: "Operations that an earlier driver left unfinished: settled when the pool was opened, or left for later.",
      labelNames: ["pool", "outcome"],
      registers,
    });
    this.#found = new Counter({
      name: "dmthin_suspended_devices_found_total",
      help: "Devices and mounts that were found held still at the start of the driver.",
      labelNames: ["outcome"],
      registers,
    });
    this.#trims = new Counter({
      name: "dmthin_trims_total",
      help: "Scheduled trims of filesystems that have ended, by outcome.",
      labelNames: ["pool", "outcome"],
      registers,
    });
    this.#trimmed = new Counter({
      name: "dmthin_trimmed_bytes_total",
      help: "What they have discarded by the filesystems' account, free space that was discarded before included.",
      labelNames: ["pool"],
      registers,
    });
    for (const outcome of FOUND) this.#found.inc({ outcome }, 0);
  }

  /** From here on these pools have all their counters, at 0: a rate needs a beginning. */
  introduce(pools: readonly string[]): void {
    for (const pool of pools) {
      for (const histogram of [this.#waits, this.#turns, this.#suspends]) histogram.zero({ pool });
      this.#refusals.inc({ pool }, 0);
      for (const event of LIFE_EVENTS) this.#life.inc({ pool, event }, 0);
      for (const outcome of TRIMS) this.#trims.inc({ pool, outcome }, 0);
      this.#trimmed.inc({ pool }, 0);
      for (const outcome of RECOVERIES) this.#recovered.inc({ pool, outcome }, 0);
    }
  }

  trimmed(pool: string, outcome: TrimOutcome, bytes: number): void {
    this.#trims.inc({ pool, outcome });
    this.#trimmed.inc({ pool }, bytes);
  }

  rpcEnded(method: string, code: string, ms: number): void {
    this.#rpcs.observe({ method, code }, seconds(ms));
  }

  commandEnded(tool: string, exitCode: number | undefined, ms: number): void {
    this.#commands.inc({ tool, exit_code: exitCode ?? "none" });
    this.#commandSeconds.inc({ tool }, seconds(ms));
  }

  turnBegan(pool: string, waitedMs: number): void {
    this.#waits.observe({ pool }, seconds(waitedMs));
  }

  turnEnded(pool: string, lastedMs: number): void {
    this.#turns.observe({ pool }, seconds(lastedMs));
  }

  turnRefused(pool: string): void {
    this.#refusals.inc({ pool });
  }

  suspended(pool: string, ms: number): void {
    this.#suspends.observe({ pool }, seconds(ms));
  }

  recovered(pool: string, outcome: (typeof RECOVERIES)[number]): void {
    this.#recovered.inc({ pool, outcome });
  }

  lifeChanged(pool: string, event: (typeof LIFE_EVENTS)[number]): void {
    this.#life.inc({ pool, event });
  }

  suspendedFound(outcome: (typeof FOUND)[number], count: number): void {
    this.#found.inc({ outcome }, count);
  }
}

/** In the words that Prometheus uses for every process. */
export function processMetrics(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970.",
    registers,
  }).set(performance.timeOrigin / 1000);
  void new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process that is in RAM.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  void new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time that the process has used.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

export function lagGauge(registry: Registry, heartbeat: Pick<Heartbeat, "lagSeconds">): void {
  void new Gauge({
    name: "dmthin_event_loop_lag_seconds",
    help: "How late the main loop's last beat was; a beat is due each second.",
    registers: [registry],
    collect() {
      this.set(heartbeat.lagSeconds);
    },
  });
}
