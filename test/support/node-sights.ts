/** Nodes as a controller sees them, without nodes. */
import { GIB, MIB } from "../../src/core/units.ts";
import type { NodeSight } from "../../src/plan/thin-pools.ts";
import type { OpenSight } from "../../src/plan/thin-pool-status.ts";

export interface SightChanges extends Partial<Pick<OpenSight, "conditions">> {
  /** Bytes of data in use. */
  readonly used?: bigint;
  readonly figures?: Partial<NonNullable<OpenSight["figures"]>>;
}

/** 100 GiB, 41 of them in use; `uuid` in full, or one digit of it. */
export const openSight = (name: string, uuid: string, changes: SightChanges = {}): OpenSight => ({
  uuid: uuid.length === 32 ? uuid : uuid.repeat(32),
  name,
  capacity: { available: 40n * GIB },
  data: { size: 100n * GIB, used: changes.used ?? 41n * GIB },
  conditions: changes.conditions ?? [],
  figures: {
    backing: "devices",
    mode: "rw",
    state: "ready",
    metadata: { size: 100n * MIB, used: 6n * MIB },
    promised: 60n * GIB,
    overprovision: "1",
    volumes: 3,
    snapshots: 1,
    ...changes.figures,
  },
});

type View = NonNullable<NodeSight["view"]>;

export const nodeSight = (name: string, pools: View["pools"], absent: View["absent"] = []): NodeSight => ({
  name,
  problem: "",
  view: {
    version: "1.2.3",
    versions: { kernel: "6.12.1", thinPoolTarget: "v1.23.0", poolFormat: 1 },
    pools,
    absent,
  },
});

export const away = (name: string, problem = "it is silent"): NodeSight => ({
  name,
  problem,
  view: undefined,
});
