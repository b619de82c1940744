import { stopwatch } from "../../sides/command.ts";
import { type Sides, type Stage, VOLUME_BYTES, VOLUME_MIB } from "./stage.ts";

/** Volumes stay until the end of the measurement, so that both sides get fuller alike. */
export function createSides({ dmthin, lvm, floor }: Stage): Sides {
  return {
    dmthin: (round) => stopwatch(() => dmthin.life.create(`create-${round}`, "xfs", VOLUME_BYTES)),
    ...(lvm && { lvm: (round) => lvm.create(`create${round}`, VOLUME_MIB) }),
    ...(floor && {
      floor: () =>
        floor.side.replay(floor.recordings.create, dmthin.pool, {
          words: new Map([[dmthin.poolDevice, floor.side.poolDevice]]),
          made: floor.side.newId(),
        }),
    }),
  };
}
