/** What the pools of this node stand on, for its controllers. */
import { release } from "node:os";
import { messageOf } from "./core/errors.ts";
import { Dmsetup } from "./host/dmsetup.ts";
import type { Runner } from "./host/run.ts";
import type { Log } from "./log.ts";
import { CATALOG_VERSION } from "./pool/catalog-schema.ts";
import type { NodeVersions } from "./route/node-state.ts";

/** Rejects never. */
export async function nodeVersions(runner: Runner, log: Log): Promise<NodeVersions | undefined> {
  try {
    const thinPoolTarget = (await new Dmsetup(runner).targets()).get("thin-pool") ?? "";
    return { kernel: release(), thinPoolTarget, poolFormat: CATALOG_VERSION };
  } catch (error) {
    log.warn({ problem: messageOf(error) }, "no versions for the controllers");
    return undefined;
  }
}
