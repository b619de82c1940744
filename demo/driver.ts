/** The driver as a process of its own, on a new loop pool; it can be killed and started again. */
import type { DmName, PoolName } from "../src/core/ids.ts";
import { isPoolName, poolDeviceName } from "../src/core/ids.ts";
import type { CsiClient } from "../test/support/csi-client.ts";
import type { TestDriver } from "../test/support/driver.ts";
import { lastLines, loopPool, startDriver } from "../test/support/driver.ts";

export class DemoDriver {
  /** Absolute; everything of the demo is below. */
  readonly directory: string;
  readonly pool: PoolName;
  readonly #dataSize: string;
  #running: TestDriver | undefined;
  #log: string | undefined;

  constructor(directory: string, pool: string, dataSize: string) {
    if (!isPoolName(pool)) throw new RangeError(`not a pool name: ${pool}`);
    this.directory = directory;
    this.pool = pool;
    this.#dataSize = dataSize;
  }

  get kubeletDirectory(): string {
    return `${this.directory}/kubelet`;
  }

  get poolDevice(): DmName {
    return poolDeviceName(this.pool, "pool");
  }

  get csi(): CsiClient {
    if (this.#running === undefined) throw new Error("the driver is not running");
    return this.#running.client;
  }

  /** Resolves as soon as Probe says ready. */
  async start(): Promise<void> {
    this.#running = await startDriver({
      directory: this.directory,
      kubeletDirectory: this.kubeletDirectory,
      pools: [loopPool(this.directory, this.pool, this.#dataSize)],
      config: { nodeName: "demo", logLevel: "info" },
    });
    this.#log = this.#running.log;
  }

  /** SIGKILL, as the kernel's out-of-memory killer would. Answers when it is gone. */
  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
  }

  /** SIGTERM, as Kubernetes ends a pod. */
  async stop(): Promise<void> {
    const code = await this.#running?.stop();
    this.#running = undefined;
    if (code !== undefined && code !== 0) throw new Error(`the driver ended with ${code}`);
  }

  /** The end of the driver's log. */
  lastWords(): string {
    return this.#log === undefined ? "it never ran" : lastLines(this.#log, 12);
  }
}
