import { stopwatch } from "../../sides/command.ts";
import { MEBIBYTE, type Sides, type Stage, VOLUME_BYTES } from "./stage.ts";

/** The controller's half: what a volume that is not in use needs. The other half is in the growth online. */
export function expandSides({ dmthin, floor }: Stage): Sides {
  const { life } = dmthin;
  return {
    dmthin: async (round) => {
      const volume = await life.create(`expand-${round}`, "xfs", VOLUME_BYTES);
      const ms = await stopwatch(() => life.enlarge(volume, VOLUME_BYTES + MEBIBYTE));
      await life.delete(volume);
      return ms;
    },
    ...(floor && {
      floor: () =>
        floor.side.replay(floor.recordings.expand, dmthin.pool, {
          words: new Map([[dmthin.poolDevice, floor.side.poolDevice]]),
        }),
    }),
  };
}
