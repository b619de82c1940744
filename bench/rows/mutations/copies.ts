/** Snapshots of a mounted xfs under write, restores of them, and their deletion. */
import { mkdtempSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";

import type { Snapshot__Output } from "../../../src/generated/csi.ts";
import { fromSnapshot, type TestVolume } from "../../../test/support/volume-life.ts";
import { stopwatch, timed } from "../../sides/command.ts";
import type { FloorThin } from "../../sides/floor.ts";
import type { Recorded } from "./record.ts";
import { type Name, type Sides, type Stage, VOLUME_BYTES, VOLUME_MIB } from "./stage.ts";

const LVM_ORIGIN = "origin";
const WARM_MIB = "64";

/** A mounted xfs on each side, with the same content. */
export class Copies {
  readonly #stage: Stage;
  readonly #recorded: Recorded;
  readonly #mounts = mkdtempSync("/run/bench-mounts-");
  readonly #snapshots: Snapshot__Output[] = [];
  readonly #copies: TestVolume[] = [];
  readonly #cut: number[] = [];
  readonly #made: number[] = [];
  /** Of each snapshot: the longest that the writer waited. */
  readonly pauses: Record<Name, number[]> = { dmthin: [], lvm: [], floor: [] };
  #origin: TestVolume | undefined;
  #floorOrigin: FloorThin | undefined;

  constructor(stage: Stage, recorded: Recorded) {
    this.#stage = stage;
    this.#recorded = recorded;
  }

  async prepare(): Promise<void> {
    const { dmthin, lvm, floor } = this.#stage;
    this.#origin = await dmthin.life.create("origin", "xfs", VOLUME_BYTES);
    await dmthin.stage(this.#origin);
    await fill(this.#origin.stagingPath);
    if (lvm) {
      await lvm.create(LVM_ORIGIN, VOLUME_MIB);
      await this.#mount(lvm.device(LVM_ORIGIN), "lvm");
    }
    if (floor) {
      this.#floorOrigin = await floor.side.activeThin(VOLUME_MIB);
      await this.#mount(`/dev/mapper/${this.#floorOrigin.device}`, "floor");
    }
  }

  async #mount(device: string, side: "lvm" | "floor"): Promise<void> {
    await timed("mkfs.xfs", "-q", "-K", device);
    await mkdir(`${this.#mounts}/${side}`, { recursive: true });
    await timed("mount", device, `${this.#mounts}/${side}`);
    await fill(`${this.#mounts}/${side}`);
  }

  get origin(): TestVolume {
    if (this.#origin === undefined) throw new Error("copies were not prepared");
    return this.#origin;
  }

  get #floorThin(): FloorThin {
    if (this.#floorOrigin === undefined) throw new Error("copies were not prepared");
    return this.#floorOrigin;
  }

  snapshot(): Sides {
    const { dmthin, lvm, floor } = this.#stage;
    return {
      dmthin: (round) =>
        this.#underWrite("dmthin", this.origin.stagingPath, () =>
          stopwatch(async () => {
            this.#snapshots.push(await dmthin.life.snapshot(`cut-${round}`, this.origin));
          }),
        ),
      ...(lvm && {
        lvm: (round) =>
          this.#underWrite("lvm", `${this.#mounts}/lvm`, () => lvm.snapshot(`cut${round}`, LVM_ORIGIN)),
      }),
      ...(floor && {
        floor: () => this.#underWrite("floor", `${this.#mounts}/floor`, () => this.#cutOnFloor()),
      }),
    };
  }

  async #underWrite(side: Name, directory: string, work: () => Promise<number>): Promise<number> {
    const { result, pauseMs } = await this.#stage.writer.during(`${directory}/records`, work);
    this.pauses[side].push(pauseMs);
    return result;
  }

  async #cutOnFloor(): Promise<number> {
    const { floor, dmthin } = this.#stage;
    if (floor === undefined) throw new Error("no floor");
    const made = floor.side.newId();
    this.#cut.push(made);
    const { origin } = this.#recorded;
    return floor.side.replay(floor.recordings.snapshot, dmthin.pool, {
      words: new Map([
        [dmthin.poolDevice, floor.side.poolDevice],
        [origin.device, this.#floorThin.device],
        [origin.stagingPath, `${this.#mounts}/floor`],
      ]),
      made,
      origin: this.#floorThin.id,
    });
  }

  restore(): Sides {
    const { dmthin, lvm, floor } = this.#stage;
    return {
      dmthin: (round) =>
        stopwatch(async () => {
          const source = fromSnapshot(given(this.#snapshots[round]));
          this.#copies.push(await dmthin.life.copy(`copy-${round}`, source, "xfs", VOLUME_BYTES));
        }),
      ...(lvm && { lvm: (round) => lvm.restore(`copy${round}`, `cut${round}`) }),
      ...(floor && {
        floor: (round) => {
          const made = floor.side.newId();
          this.#made.push(made);
          return floor.side.replay(floor.recordings.restore, dmthin.pool, {
            words: new Map([[dmthin.poolDevice, floor.side.poolDevice]]),
            made,
            origin: given(this.#cut[round]),
          });
        },
      }),
    };
  }

  deleteSnapshot(): Sides {
    const { dmthin, lvm, floor } = this.#stage;
    return {
      dmthin: (round) => stopwatch(() => dmthin.life.deleteSnapshots(given(this.#snapshots[round]))),
      ...(lvm && { lvm: (round) => lvm.remove(`cut${round}`) }),
      ...(floor && {
        floor: (round) =>
          floor.side.replay(floor.recordings["delete-snapshot"], dmthin.pool, {
            words: new Map([[dmthin.poolDevice, floor.side.poolDevice]]),
            deleted: given(this.#cut[round]),
          }),
      }),
    };
  }

  /** Online growth, both halves of it, beside one command of LVM. */
  grow(stepMebibytes: number): Sides {
    const { dmthin, lvm } = this.#stage;
    return {
      dmthin: (round) =>
        stopwatch(async () => {
          const size = VOLUME_BYTES + BigInt((round + 1) * stepMebibytes) * (1n << 20n);
          await dmthin.life.enlarge(this.origin, size);
          await dmthin.life.expandOnNode(this.origin, size, this.origin.stagingPath);
        }),
      ...(lvm && { lvm: () => lvm.extend(LVM_ORIGIN, stepMebibytes) }),
    };
  }

  /** The mounts; what is left in the pools goes with them. */
  async end(): Promise<void> {
    const { dmthin, lvm, floor } = this.#stage;
    if (lvm) await timed("umount", `${this.#mounts}/lvm`);
    if (floor) await timed("umount", `${this.#mounts}/floor`);
    await dmthin.life.unstage(this.origin);
    await rm(this.#mounts, { recursive: true });
  }
}

const fill = (directory: string): Promise<unknown> =>
  timed("dd", "if=/dev/urandom", `of=${directory}/content`, "bs=1M", `count=${WARM_MIB}`, "conv=fsync");

function given<T>(one: T | undefined): T {
  if (one === undefined) throw new Error("the round before made nothing");
  return one;
}
