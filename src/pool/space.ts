/**
 * What each volume and snapshot takes of the pool, and what belongs to it alone: measured when somebody asks, because it
 * walks all mappings, and remembered. Volumes go on meanwhile.
 */
import type { DmName, PoolName, ThinId } from "../core/ids.ts";
import type { SpaceMeasure } from "../core/pool-report.ts";
import { bytesFromBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import type { Runner } from "../host/run.ts";
import { measureThins, withMetadataSnapshot } from "../host/thin-tools.ts";
import type { OperationRunner } from "./engine-life.ts";
import type { MessageQueue } from "./queue.ts";

export interface SpaceParts {
  readonly name: PoolName;
  readonly blockSize: Bytes;
  /** Node of the thin metadata. */
  readonly metadataPath: string;
  readonly poolDevice: DmName;
  readonly dmsetup: Pick<Dmsetup, "message">;
  readonly runner: Runner;
  readonly queue: MessageQueue;
  readonly operations: OperationRunner;
  readonly now: () => Date;
}

/** 60 TiB mapped in blocks of 64 KiB, by what the tool takes. A killed one has changed nothing. */
const DEADLINE_MS = 300_000;

export class PoolSpace {
  readonly #parts: SpaceParts;
  readonly #end = new AbortController();
  #known: ReadonlyMap<ThinId, SpaceMeasure> = new Map();

  constructor(parts: SpaceParts) {
    this.#parts = parts;
  }

  /** As of the last measurement; undefined: not measured since the pool was opened, or younger. */
  of(thinId: ThinId): SpaceMeasure | undefined {
    return this.#known.get(thinId);
  }

  /** Calls at once share one. PoolUnavailableError where the pool is being given up, ToolError where the tool fails. */
  measure(): Promise<void> {
    const { name, operations } = this.#parts;
    const title = `measure pool ${name}`;
    return operations.run({ title, fingerprint: title, exclusive: [] }, () => this.#measure());
  }

  /** Ends what is under way: a pool that is given up waits for no figures. */
  close(): void {
    this.#end.abort();
  }

  async #measure(): Promise<void> {
    const { blockSize, dmsetup, metadataPath, now, poolDevice, queue, runner } = this.#parts;
    const inTurn = {
      message: (pool: DmName, text: string) =>
        queue.run("a metadata snapshot", () => dmsetup.message(pool, text)),
    };
    const rows = await withMetadataSnapshot(inTurn, poolDevice, () =>
      measureThins(runner, metadataPath, { timeoutMs: DEADLINE_MS, signal: this.#end.signal }),
    );
    const at = now().toISOString();
    this.#known = new Map(
      rows.map(({ thinId, mapped, exclusive }) => [
        thinId,
        { mapped: bytesFromBlocks(mapped, blockSize), exclusive: bytesFromBlocks(exclusive, blockSize), at },
      ]),
    );
  }
}
