/** What the kernel last said of an open pool, and what follows from it for promises and warnings. */
import type { PoolStatus } from "../core/dm.ts";
import type { ThinId } from "../core/ids.ts";
import { bytesFromMetaBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Supply } from "../plan/capacity.ts";
import { fillOf } from "../plan/fill.ts";
import type { Fill } from "../plan/fill.ts";
import type { PoolParts } from "./pool-parts.ts";

export type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

export class KnownStatus {
  readonly #parts: PoolParts;
  #status: ActiveStatus;
  #at: Date;
  #hostBytes: Bytes | undefined;
  #mapped: ReadonlyMap<ThinId, Bytes> = new Map();

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#status = parts.status;
    this.#at = parts.now();
  }

  get status(): ActiveStatus {
    return this.#status;
  }

  /** When it was said. */
  get at(): Date {
    return this.#at;
  }

  note(status: ActiveStatus): void {
    this.#status = status;
    this.#at = this.#parts.now();
  }

  /** What an active thin had mapped, when that was last asked. */
  mappedOf(thinId: ThinId): Bytes | undefined {
    return this.#mapped.get(thinId);
  }

  /** Of all active thins: what is not in it is not known any more. */
  noteMapped(mapped: ReadonlyMap<ThinId, Bytes>): void {
    this.#mapped = mapped;
  }

  get supply(): Supply {
    const { blockSize, overprovision } = this.#parts;
    const { usedData, totalData, totalMeta } = this.#status;
    const metadata = bytesFromMetaBlocks(totalMeta);
    const supply = { blockSize, overprovision, usedData, totalData, metadata };
    return this.#hostBytes === undefined ? supply : { ...supply, hostBytes: this.#hostBytes };
  }

  get fill(): Fill {
    return fillOf(this.#status, this.#parts.blockSize, this.#hostBytes);
  }

  /** Loop pools: asks the filesystem below again how much it can give. */
  async refreshHostBytes(): Promise<void> {
    if (this.#parts.hostBytes !== undefined) this.#hostBytes = await this.#parts.hostBytes();
  }
}
