/** Deleting volumes that hold something: until it is answered, and until the pool has the space. */
import { thinPoolWords } from "../../../test/support/pool-words.ts";
import type { TestVolume } from "../../../test/support/volume-life.ts";
import { stopwatch, timed } from "../../sides/command.ts";
import type { Once } from "../../sides/interleave.ts";
import { type Name, type Sides, type Stage, VOLUME_BYTES, VOLUME_MIB } from "./stage.ts";

export const WRITTEN_MIB = 128;

export class Deletes {
  readonly #stage: Stage;
  /** Milliseconds from the call until the space was free; equal to the answer's where it was free then. */
  readonly freed: Record<Name, number[]> = { dmthin: [], lvm: [], floor: [] };

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  sides(): Sides {
    const { dmthin, lvm, floor } = this.#stage;
    return {
      dmthin: this.#measured("dmthin", dmthin.poolDevice, async (round) => {
        const volume = await this.#written(round);
        return () => stopwatch(() => dmthin.life.delete(volume));
      }),
      ...(lvm && {
        lvm: this.#measured("lvm", lvm.poolDevice, async (round) => {
          await lvm.create(`delete${round}`, VOLUME_MIB);
          await write(lvm.device(`delete${round}`));
          return () => lvm.remove(`delete${round}`);
        }),
      }),
      ...(floor && {
        floor: this.#measured("floor", floor.side.poolDevice, async () => {
          const thin = await floor.side.activeThin(VOLUME_MIB);
          await write(`/dev/mapper/${thin.device}`);
          await floor.side.deactivate(thin.device);
          return () =>
            floor.side.replay(floor.recordings.delete, dmthin.pool, {
              words: new Map([[dmthin.poolDevice, floor.side.poolDevice]]),
              deleted: thin.id,
            });
        }),
      }),
    };
  }

  async #written(round: number): Promise<TestVolume> {
    const { dmthin } = this.#stage;
    const volume = await dmthin.life.create(`delete-${round}`, "block", VOLUME_BYTES);
    await dmthin.stage(volume);
    await write(`/dev/mapper/${volume.device}`);
    await dmthin.life.unstage(volume);
    return volume;
  }

  #measured(side: Name, pool: string, prepare: (round: number) => Promise<() => Promise<number>>): Once {
    return async (round) => {
      const remove = await prepare(round);
      const before = await usedBlocks(pool);
      const began = performance.now();
      const answered = await remove();
      let looks = 1;
      for (; (await usedBlocks(pool)) >= before; looks += 1)
        if (looks > 1000) throw new Error(`${pool}: the space of a deleted volume does not come back`);
      // What the first look finds free was free when it was answered.
      this.freed[side].push(looks === 1 ? answered : performance.now() - began);
      return answered;
    };
  }
}

const write = (device: string): Promise<unknown> =>
  timed("dd", "if=/dev/zero", `of=${device}`, "bs=1M", `count=${WRITTEN_MIB}`, "oflag=direct");

const usedBlocks = async (device: string): Promise<bigint> => (await thinPoolWords(device)).used;
