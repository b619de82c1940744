/** The conditions of the nodes' pools in the controller's log: each once, until it changes. */
import type { PoolUuid } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { NodeView } from "./node-view.ts";

export class ConditionsLog {
  readonly #log: Log;
  /** Of each node, what was told of the pools that it named last: a node that invents pools makes this no larger. */
  readonly #told = new Map<string, ReadonlyMap<PoolUuid, string>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `view`: undefined while the node is away; what was told of it before need not be told again when it is back. */
  tell(node: string, view: Pick<NodeView, "pools"> | undefined): void {
    if (view === undefined) return;
    const told = this.#told.get(node);
    const now = new Map<PoolUuid, string>();
    for (const { name, uuid, conditions } of view.pools) {
      const text = conditions.map(({ type, reason }) => `${type}: ${reason}`);
      now.set(uuid, text.join("; "));
      if ((told?.get(uuid) ?? "") !== text.join("; "))
        this.#log.warn({ node, pool: name, conditions: text }, "conditions of a pool");
    }
    this.#told.set(node, now);
  }

  forget(node: string): void {
    this.#told.delete(node);
  }
}
