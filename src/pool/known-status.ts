/** What the kernel last said of an open pool, and what follows from it for promises and warnings. */
import type { PoolStatus } from "../core/dm.ts";
import type { ThinId } from "../core/ids.ts";
import { bytes, bytesFromBlocks, bytesFromMetaBlocks, dataBlocks } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { addDemand, headroom } from "../plan/capacity.ts";
import type { Demand, Supply } from "../plan/capacity.ts";
import { fillOf } from "../plan/fill.ts";
import type { Fill } from "../plan/fill.ts";
import type { PoolParts } from "./pool-parts.ts";

export type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

export class KnownStatus {
  /** How many bytes may be promised for each byte of data. */
  overprovision: number;
  readonly #parts: PoolParts;
  #status: ActiveStatus;
  #at: Date;
  #hostBytes: Bytes | undefined;
  #mapped: ReadonlyMap<ThinId, Bytes> = new Map();

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.overprovision = parts.overprovision;
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
    const { blockSize } = this.#parts;
    const { overprovision } = this;
    const { usedData, totalData, totalMeta } = this.#status;
    const metadata = bytesFromMetaBlocks(totalMeta);
    const supply = { blockSize, overprovision, usedData, totalData, metadata };
    return this.#hostBytes === undefined ? supply : { ...supply, hostBytes: this.#hostBytes };
  }

  /** What can be promised beside `demand`, with the thin of the volume that it would be. */
  promisable(demand: Demand): Bytes {
    if (this.#status.mode !== "rw") return bytes(0);
    const more = addDemand(demand, { blocks: dataBlocks(0), thins: 1 });
    return bytesFromBlocks(headroom(this.supply, more), this.#parts.blockSize);
  }

  get fill(): Fill {
    return fillOf(this.#status, this.#parts.blockSize, this.#hostBytes);
  }

  /** Loop pools: asks the filesystem below again how much it can give. */
  async refreshHostBytes(): Promise<void> {
    if (this.#parts.hostBytes !== undefined) this.#hostBytes = await this.#parts.hostBytes();
  }
}
