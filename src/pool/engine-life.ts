/**
 * What one engine of a pool has under way, so that its end is certain: a pool that is given up is opened again in the same
 * process, and an operation of the old engine must not do another step then.
 */
import { PoolUnavailableError } from "../core/errors.ts";
import type { PoolName } from "../core/ids.ts";
import type { Operations } from "../core/operations.ts";
import type { Runner, RunOptions, RunResult } from "../host/run.ts";
import type { ToolName } from "../host/tools.ts";

/** Locks and single flight, as in `core/operations.ts`. */
export type OperationRunner = Pick<Operations, "run">;

export class EngineLife {
  /** For the engine's operations: counted here, exclusive and joined in the one table of the node. */
  readonly operations: OperationRunner;
  /** The engine's only way to a tool. */
  readonly runner: Runner;
  readonly #pool: PoolName;
  readonly #underWay = new Set<Promise<unknown>>();
  #ending = false;
  #ended = false;

  constructor(pool: PoolName, runner: Runner, operations: OperationRunner) {
    this.#pool = pool;
    this.operations = {
      run: (scope, work) => {
        if (this.#ending) return Promise.reject(this.#refusal(scope.title));
        // A call that joins is not counted: the one that it joins is.
        return operations.run(scope, () => this.#count(Promise.try(work)));
      },
    };
    this.runner = this.#counting(runner);
  }

  /**
   * Nothing is begun any more. Resolves when every operation, and then every tool, has ended; one that is stuck in the
   * kernel ends when the disk answers, or never.
   */
  async end(): Promise<void> {
    this.#ending = true;
    // Operations may need tools to end well: a suspended device is resumed by its own operation.
    await this.#idle();
    this.#ended = true;
    await this.#idle();
  }

  async #idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  #counting(runner: Runner): Runner {
    return {
      get started() {
        return runner.started;
      },
      holding: (fds) => this.#counting(runner.holding(fds)),
      run: (tool, args, options) => this.#start(runner, tool, args, options),
    };
  }

  #start(
    runner: Runner,
    tool: ToolName,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> {
    if (this.#ended) return Promise.reject(this.#refusal([tool, ...args].join(" ")));
    const counted: RunOptions = {
      ...options,
      // What is killed at its deadline may be stuck all the same, and do its work later.
      onKilled: (gone) => {
        void this.#count(gone);
        options.onKilled?.(gone);
      },
    };
    return this.#count(runner.run(tool, args, options.timeoutMs === undefined ? options : counted));
  }

  async #count<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  #refusal(title: string): PoolUnavailableError {
    return new PoolUnavailableError(
      `pool ${this.#pool}: ${title} is not begun: the pool is being given up; retry`,
    );
  }
}
