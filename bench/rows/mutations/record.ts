/** Every mutation a few times with a driver that logs its processes: what the floor is to do. */
import { fromSnapshot, type TestVolume } from "../../../test/support/volume-life.ts";
import type { Mutation } from "../../model/catalogue.ts";
import { typical, type Recordings } from "../../model/replay.ts";
import type { DmthinSide } from "../../sides/dmthin.ts";
import { MEBIBYTE, VOLUME_BYTES } from "./stage.ts";

const TIMES = 3;

export interface Recorded {
  readonly recordings: Recordings;
  /** The active, mounted volume of the snapshots: its device and mount point stand in their recording. */
  readonly origin: TestVolume;
}

/** Leaves nothing behind. */
export async function recordMutations(dmthin: DmthinSide): Promise<Recorded> {
  const { life } = dmthin;
  const heard: Record<Mutation, (readonly (readonly string[])[])[]> = {
    create: [],
    snapshot: [],
    restore: [],
    delete: [],
    "delete-snapshot": [],
    expand: [],
  };
  const record = async <T>(mutation: Mutation, work: () => Promise<T>): Promise<T> => {
    const result: T[] = [];
    const commands = await dmthin.record(async () => result.push(await work()));
    heard[mutation].push(commands.map(({ argv }) => argv));
    return result[0] as T;
  };
  const origin = await life.create("record-origin", "xfs", VOLUME_BYTES);
  await dmthin.stage(origin);
  for (let time = 0; time < TIMES; time += 1) {
    const volume = await record("create", () => life.create(`record-${time}`, "xfs", VOLUME_BYTES));
    await record("expand", () => life.enlarge(volume, VOLUME_BYTES + MEBIBYTE));
    const snapshot = await record("snapshot", () => life.snapshot(`record-${time}`, origin));
    const source = fromSnapshot(snapshot);
    const copy = await record("restore", () => life.copy(`copy-${time}`, source, "xfs", VOLUME_BYTES));
    await record("delete-snapshot", () => life.deleteSnapshots(snapshot));
    await record("delete", () => life.delete(copy));
    await life.delete(volume);
  }
  await life.unstage(origin);
  await life.delete(origin);
  const recordings = {
    create: typical(heard.create),
    snapshot: typical(heard.snapshot),
    restore: typical(heard.restore),
    delete: typical(heard.delete),
    "delete-snapshot": typical(heard["delete-snapshot"]),
    expand: typical(heard.expand),
  };
  return { recordings, origin };
}
