/** Operations that make something: the same request gets the same object, before and after the driver's death. */
import type { Snapshot__Output } from "../../../src/generated/csi.ts";
import { countRecords } from "../../support/record-writer.ts";
import { fromSnapshot, fromVolume, type TestVolume } from "../../support/volume-life.ts";
import type { Answer, Course, Operation } from "./course.ts";
import { expectLetter, type Place } from "./place.ts";

/** What a driver makes: the same request, the same object. */
interface Maker<Made> {
  readonly title: string;
  readonly make: () => Promise<Made>;
  readonly id: (made: Made) => string;
  readonly check?: (made: Made, survived: boolean) => Promise<void>;
  readonly unmake: (made: Made) => Promise<void>;
}

function making<Made extends object>({ title, make, id, check, unmake }: Maker<Made>): Course {
  // Every answer that comes back here was given by `make`.
  const made = (answer: Answer): Made => answer as Made;
  return {
    title,
    call: make,
    idOf: (answer) => id(made(answer)),
    check: async (answer, survived) => check?.(made(answer), survived),
    end: (answer) => unmake(made(answer)),
  };
}

const volumeId = ({ id }: TestVolume): string => id;
const snapshotId = ({ snapshot_id }: Snapshot__Output): string => snapshot_id;

/** A copy of the volume that was written to all the time: a filesystem whose journal has no hole. */
async function expectSoundCopy(place: Place, copy: TestVolume): Promise<void> {
  await place.life.stage(copy);
  await expectLetter(copy.stagingPath, place.fixtures.letter);
  await countRecords(`${copy.stagingPath}/journal`);
  await place.life.unstage(copy);
}

async function expectSoundSnapshot(place: Place, snapshot: Snapshot__Output, tag: string): Promise<void> {
  const { one } = place.fixtures;
  const copy = await place.life.copy(`look-${tag}`, fromSnapshot(snapshot), "ext4", one.size);
  await expectSoundCopy(place, copy);
  await place.life.delete(copy);
}

export const CREATIONS: readonly Operation[] = [
  {
    name: "create a volume",
    outcome: /^record put-volume \S+ ready/,
    begin: async (place, tag) =>
      making({
        title: `CreateVolume "new-${tag}"`,
        make: () => place.create(`new-${tag}`, "ext4"),
        id: volumeId,
        unmake: (made) => place.life.delete(made),
      }),
  },
  {
    name: "restore a snapshot",
    outcome: /^record put-volume \S+ ready/,
    begin: async (place, tag) => {
      const { kept, one, letter } = place.fixtures;
      return making({
        title: `CreateVolume "back-${tag}"`,
        make: () => place.life.copy(`back-${tag}`, fromSnapshot(kept), "ext4", one.size),
        id: volumeId,
        check: async (made, survived) => {
          if (!survived) return;
          await place.life.stage(made);
          await expectLetter(made.stagingPath, letter);
          await place.life.unstage(made);
        },
        unmake: (made) => place.life.delete(made),
      });
    },
  },
  {
    name: "clone a volume in use",
    outcome: /^record put-volume \S+ ready/,
    begin: async (place, tag) => {
      const { one } = place.fixtures;
      return making({
        title: `CreateVolume "clone-${tag}"`,
        make: () => place.life.copy(`clone-${tag}`, fromVolume(one), "ext4", one.size),
        id: volumeId,
        check: async (made, survived) => (survived ? expectSoundCopy(place, made) : undefined),
        unmake: (made) => place.life.delete(made),
      });
    },
  },
  {
    name: "snapshot a volume in use",
    outcome: /^record put-snapshot \S+ ready/,
    begin: async (place, tag) =>
      making({
        title: `CreateSnapshot "cut-${tag}"`,
        make: () => place.life.snapshot(`cut-${tag}`, place.fixtures.one),
        id: snapshotId,
        check: async (made, survived) => (survived ? expectSoundSnapshot(place, made, tag) : undefined),
        unmake: (made) => place.life.deleteSnapshots(made),
      }),
  },
  {
    name: "snapshot a group of two in use",
    outcome: /^record .*put-group \S+ ready/,
    begin: async (place, tag) =>
      making({
        title: `CreateVolumeGroupSnapshot "both-${tag}"`,
        make: () => place.group(`both-${tag}`, place.fixtures.one, place.fixtures.two),
        id: (made) => made.group_snapshot_id,
        check: async ({ snapshots }, survived) => {
          const { one } = place.fixtures;
          const first = snapshots.find(({ source_volume_id }) => source_volume_id === one.id);
          if (survived && first !== undefined) await expectSoundSnapshot(place, first, tag);
        },
        unmake: (made) => place.deleteGroup(made),
      }),
  },
];
