/** What a pool has, as of the last time that the kernel and the filesystem below were asked. */
import type { PoolStatus } from "../core/dm.ts";
import type { Bytes } from "../core/units.ts";
import { bytesFromMetaBlocks } from "../core/units.ts";
import type { Supply } from "../plan/capacity.ts";
import { fillOf } from "../plan/fill.ts";
import type { Fill } from "../plan/fill.ts";
import type { PoolParts } from "./pool-parts.ts";

export type ActiveStatus = Extract<PoolStatus, { kind: "active" }>;

export class SupplyView {
  status: ActiveStatus;
  overprovision: number;
  readonly #parts: Pick<PoolParts, "blockSize" | "hostBytes">;
  #hostBytes: Bytes | undefined;

  constructor(parts: Pick<PoolParts, "blockSize" | "hostBytes" | "status" | "overprovision">) {
    this.#parts = parts;
    this.status = parts.status;
    this.overprovision = parts.overprovision;
  }

  get supply(): Supply {
    const { blockSize } = this.#parts;
    const { usedData, totalData, totalMeta } = this.status;
    const metadata = bytesFromMetaBlocks(totalMeta);
    const supply = { blockSize, overprovision: this.overprovision, usedData, totalData, metadata };
    return this.#hostBytes === undefined ? supply : { ...supply, hostBytes: this.#hostBytes };
  }

  get fill(): Fill {
    return fillOf(this.status, this.#parts.blockSize, this.#hostBytes);
  }

  /** Loop pools: asks the filesystem below again how much it can give. */
  async refreshHostBytes(): Promise<void> {
    const { hostBytes } = this.#parts;
    if (hostBytes !== undefined) this.#hostBytes = await hostBytes();
  }
}
