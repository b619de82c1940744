/** What is counted while the driver works, for whoever measures it. Times are in milliseconds. No method may throw. */

/** Of one pool's engine and its supervisor. */
export interface PoolObserver {
  /** A kernel message or a suspend bracket got its turn in the pool's queue after that wait. */
  turnBegan(pool: string, waitedMs: number): void;
  /** It gave its turn back. */
  turnEnded(pool: string, lastedMs: number): void;
  /** It was given up: its turn did not come in time, or the pool is of no use any more. */
  turnRefused(pool: string): void;
  /** From the first suspend of a bracket to the last resume. */
  suspended(pool: string, ms: number): void;
  /** What was under way when an earlier driver ended: settled, or left because something still uses it. */
  recovered(pool: string, outcome: "settled" | "left"): void;
  /** A try to open the pool came to an end, or its engine did. */
  lifeChanged(pool: string, event: "opened" | "open-failed" | "given-up"): void;
  /** Its data or metadata have come to another warning level, or its device has gone. */
  troubleChanged?(pool: string): void;
}

/** `skipped`: there was nothing to trim; `stopped`: something else needed the mount, or the driver ended. */
export type TrimOutcome = "done" | "skipped" | "stopped" | "failed";

export interface Observer extends PoolObserver {
  /** A scheduled trim of one filesystem came to an end, with what it discarded by its own account. */
  trimmed(pool: string, outcome: TrimOutcome, bytes: number): void;
  /** `code`: the name of the gRPC code that was answered. */
  rpcEnded(method: string, code: string, ms: number): void;
  /** `exitCode` is undefined where a signal or a failed start ended it. */
  commandEnded(tool: string, exitCode: number | undefined, ms: number): void;
  /** Devices and mounts that a dead driver had left held, found at start. */
  suspendedFound(outcome: "resumed" | "thawed" | "left", count: number): void;
}

export const NOBODY: PoolObserver = {
  turnBegan: () => {},
  turnEnded: () => {},
  turnRefused: () => {},
  suspended: () => {},
  recovered: () => {},
  lifeChanged: () => {},
};

/** `observer`, and `changed` where what others are told of a pool may be another afterwards. */
export function tellingOfChanges(observer: PoolObserver, changed: () => void): PoolObserver {
  return {
    turnBegan: (...facts) => observer.turnBegan(...facts),
    turnEnded: (...facts) => {
      observer.turnEnded(...facts);
      changed();
    },
    turnRefused: (...facts) => observer.turnRefused(...facts),
    suspended: (...facts) => observer.suspended(...facts),
    recovered: (...facts) => observer.recovered(...facts),
    troubleChanged: () => changed(),
    lifeChanged: (...facts) => {
      observer.lifeChanged(...facts);
      changed();
    },
  };
}
