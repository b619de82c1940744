/** What csi-provisioner, csi-snapshotter and kubelet do after an answer that says "ask again". */
import { setTimeout as sleep } from "node:timers/promises";

import { status, type ServiceError } from "@grpc/grpc-js";

const AGAIN: ReadonlySet<number> = new Set([
  status.ABORTED,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
]);

/** The answer of the first call that is not told to come again. Gives up after half a minute. */
export async function retried<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!AGAIN.has((error as ServiceError).code) || performance.now() > end) throw error;
    }
    await sleep(100);
  }
}
