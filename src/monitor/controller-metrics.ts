/** What happens in a controller, counted. Names: docs/reference/metrics.md. */
import { Counter, Gauge, type Histogram, type Registry } from "prom-client";
import { CLUSTER_ORPHAN_KINDS, type CleanedObject, type ClusterOrphanList } from "../core/cluster-orphans.ts";
import { rpcDurations } from "./driver-metrics.ts";

/** How the cluster is, as this controller sees it. */
export interface ControllerSight {
  /** It knows its nodes, as Probe answers it. */
  readonly ready: boolean;
  /** It writes ThinPools and Events. */
  readonly leads: boolean;
  readonly nodesThere: number;
  readonly nodesAway: number;
}

export class ControllerMetrics {
  readonly #rpcs: Histogram<"method" | "code">;
  readonly #requests: Counter<"verb" | "resource" | "code">;
  readonly #orphans: Gauge<"kind">;
  readonly #cleaned: Counter<"kind" | "outcome">;
  readonly #unjudged: Gauge<never>;
  readonly #looked: Gauge<never>;

  constructor(registry: Registry, version: string, see: () => ControllerSight) {
    const registers = [registry];
    new Gauge({
      name: "dmthin_build_info",
      help: "1, with the version of the driver.",
      labelNames: ["version"],
      registers,
    }).set({ version }, 1);
    this.#rpcs = rpcDurations(registry);
    this.#requests = new Counter({
      name: "dmthin_api_requests_total",
      help: "Requests to the API server that ended, by verb, resource and HTTP code; 0: no answer. Watches are not counted.",
      labelNames: ["verb", "resource", "code"],
      registers,
    });
    this.#cleaned = new Counter({
      name: "dmthin_orphans_cleaned_total",
      help: "Orphans that a person had this controller delete, by kind and by whether their node did.",
      labelNames: ["kind", "outcome"],
      registers,
    });
    const seldom = <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
    ): Gauge<Label> => {
      const gauge = new Gauge({ name, help, labelNames, registers });
      // Without labels it would be there, as 0, before anybody has looked.
      if (labelNames.length === 0) gauge.remove();
      return gauge;
    };
    this.#orphans = seldom(
      "dmthin_orphans",
      "What nodes have and the cluster does not know, or the other way round, by kind, as of the last look.",
      ["kind"],
    );
    this.#unjudged = seldom<never>(
      "dmthin_orphans_unjudged",
      "Nodes, pools and groups of objects of which the last look could not say.",
      [],
    );
    this.#looked = seldom<never>("dmthin_orphans_looked_timestamp_seconds", "When that look was.", []);
    const flag = (name: string, help: string, of: (sight: ControllerSight) => number): void => {
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(of(see()));
        },
      });
    };
    flag("dmthin_controller_ready", "1: the controller knows its nodes, as Probe answers it.", ({ ready }) =>
      Number(ready),
    );
    flag("dmthin_controller_leader", "1: this controller writes ThinPools and Events.", ({ leads }) =>
      Number(leads),
    );
    void new Gauge({
      name: "dmthin_controller_nodes",
      help: "Nodes of the cluster, by whether they can be reached.",
      labelNames: ["state"],
      registers,
      collect() {
        const { nodesThere, nodesAway } = see();
        this.set({ state: "there" }, nodesThere);
        this.set({ state: "away" }, nodesAway);
      },
    });
  }

  /** Undefined: this controller does not look. */
  orphansFound(list: ClusterOrphanList | undefined): void {
    if (list === undefined) {
      for (const kind of CLUSTER_ORPHAN_KINDS) this.#orphans.remove({ kind });
      this.#unjudged.remove();
      this.#looked.remove();
      return;
    }
    for (const kind of CLUSTER_ORPHAN_KINDS)
      this.#orphans.set({ kind }, list.orphans.filter((each) => each.kind === kind).length);
    this.#unjudged.set({}, list.unjudged.length);
    this.#looked.set({}, Date.now() / 1000);
  }

  orphanCleaned(kind: CleanedObject["kind"], outcome: "deleted" | "failed"): void {
    this.#cleaned.inc({ kind, outcome });
  }

  rpcEnded(method: string, code: string, ms: number): void {
    this.#rpcs.observe({ method, code }, ms / 1000);
  }

  /** `code`: of HTTP; 0: no answer. */
  apiAnswered({ verb, resource }: { readonly verb: string; readonly resource: string }, code: number): void {
    this.#requests.inc({ verb, resource, code: String(code) });
  }
}
