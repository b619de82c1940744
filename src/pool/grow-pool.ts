/** Growth of an open pool. */
import { messageOf } from "../core/errors.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { Report } from "./backing.ts";
import type { DeviceStack } from "./device-stack.ts";
import { wishOf } from "./growth.ts";
import type { MessageQueue } from "./queue.ts";

/**
 * Grows it to what is configured, under running volumes, in its turn among the pool's messages. Never throws: what
 * cannot be done is reported, and the pool goes on with what it has. Afterwards its status is another.
 */
export async function growPool(
  stack: Pick<DeviceStack, "grow">,
  options: PoolOptions,
  queue: MessageQueue,
  report: Report,
): Promise<void> {
  try {
    const refusals = await stack.grow(wishOf(options), (work) => queue.run("the growth of the pool", work));
    for (const refusal of refusals) report("warn", `pool ${options.name}: ${refusal}`);
  } catch (error) {
    report("error", `pool ${options.name}: did not grow, and goes on as it is: ${messageOf(error)}`);
  }
}
