/** What people are told of a pool: from the conditions that turned. Pure. */
import type { ConditionType } from "../core/pool-report.ts";
import type { ThinPoolSpec } from "../core/thin-pool.ts";
import type { Turn } from "./thin-pools.ts";

export interface PoolNote {
  readonly type: "Warning" | "Normal";
  /** As Kubernetes has reasons: one word. */
  readonly reason: string;
  readonly note: string;
  /** Owners of volumes in the pool are told, too. */
  readonly forClaims: boolean;
}

/** What a volume's owner can see, or has to do something about. */
const FOR_CLAIMS: ReadonlySet<ConditionType> = new Set([
  "DataLow",
  "OutOfData",
  "NeedsCheck",
  "ReadOnly",
  "DeviceMissing",
]);

/** A pool that comes into being is no news, unless something is wrong with it. */
export function poolNotes({ pool }: ThinPoolSpec, turned: readonly Turn[]): readonly PoolNote[] {
  const notes = turned.flatMap(({ now }): readonly PoolNote[] => {
    const { type, status, message } = now;
    const note = `pool ${pool}: ${message}`;
    if (type !== "Ready")
      return status === "True"
        ? [{ type: "Warning", reason: `Pool${type}`, note, forClaims: FOR_CLAIMS.has(type) }]
        : [];
    if (status === "False") return [{ type: "Warning", reason: "PoolNotReady", note, forClaims: true }];
    // That a node is away, everybody is told by Kubernetes, if it is the node.
    return status === "Unknown" ? [{ type: "Warning", reason: "PoolUnknown", note, forClaims: false }] : [];
  });
  const over = turned.filter(({ was, now }) =>
    now.type === "Ready" ? isGoodAgain(was, now) : isOver(was, now),
  );
  if (over.length === 0) return notes;
  const names = over.map(({ now }) => (now.type === "Ready" ? "it is open" : `${now.type} is over`));
  return [
    ...notes,
    { type: "Normal", reason: "PoolRecovered", note: `pool ${pool}: ${names.join(", ")}`, forClaims: false },
  ];
}

const isOver = (was: Turn["was"], now: Turn["now"]): boolean => was === "True" && now.status === "False";
const isGoodAgain = (was: Turn["was"], now: Turn["now"]): boolean =>
  was !== undefined && was !== "True" && now.status === "True";
