/** Every operation of a node whose plan has steps, as the sidecars and kubelet repeat it until it succeeds. */
import { statfs } from "node:fs/promises";

import { fromVolume, type TestVolume } from "../../support/volume-life.ts";
import type { Answer, Course, Operation } from "./course.ts";
import { CREATIONS } from "./creations.ts";
import { quoted } from "./kill-node.ts";
import { expectLetter, type Place, writeNote } from "./place.ts";

const MIB = 1n << 20n;
const GROWN = 80n * MIB;

const deletions: readonly Operation[] = [
  {
    name: "delete a volume",
    begin: async (place, tag) => {
      const doomed = await place.create(`doomed-${tag}`, "block");
      const call = (): Promise<void> => place.life.delete(doomed);
      return { title: `DeleteVolume ${doomed.id}`, call, doomed: [doomed.id], end: async () => undefined };
    },
  },
  {
    name: "delete a snapshot",
    begin: async (place, tag) => {
      const doomed = await place.life.snapshot(`doomed-${tag}`, place.fixtures.quiet);
      const call = (): Promise<void> => place.life.deleteSnapshots(doomed);
      const id = doomed.snapshot_id;
      return { title: `DeleteSnapshot ${id}`, call, doomed: [id], end: async () => undefined };
    },
  },
  {
    name: "delete a group",
    begin: async (place, tag) => {
      const doomed = await place.group(`doomed-${tag}`, place.fixtures.quiet, place.fixtures.still);
      const call = (): Promise<void> => place.deleteGroup(doomed);
      const id = doomed.group_snapshot_id;
      return {
        title: `DeleteVolumeGroupSnapshot ${id}`,
        call,
        doomed: [id, ...doomed.snapshots.map(({ snapshot_id }) => snapshot_id)],
        end: async () => undefined,
      };
    },
  },
];

const growth: readonly Operation[] = [
  {
    name: "grow a volume that nobody uses",
    begin: async (place, tag) => {
      const grown = await place.create(`grown-${tag}`, "block");
      return {
        title: `ControllerExpandVolume ${grown.id}`,
        call: () => place.life.enlarge(grown, GROWN),
        check: (answer) => expectSize(answer),
        end: () => place.life.delete(grown),
      };
    },
  },
  {
    name: "grow a volume in use",
    begin: async (place, tag) => {
      const grown = await place.create(`used-${tag}`, "ext4");
      await place.life.use(grown);
      return {
        title: `ControllerExpandVolume ${grown.id}`,
        call: () => place.life.enlarge(grown, GROWN),
        check: async (answer) => {
          await expectSize(answer);
          await place.life.expandOnNode(grown);
          await expectRoom(grown);
        },
        end: () => place.life.end(grown),
      };
    },
  },
  {
    name: "grow it on the node",
    begin: async (place, tag) => {
      const grown = await place.create(`wide-${tag}`, "ext4");
      await place.life.use(grown);
      await place.life.enlarge(grown, GROWN);
      return {
        title: `NodeExpandVolume ${grown.id}`,
        call: () => place.life.expandOnNode(grown),
        check: async (answer) => {
          await expectSize(answer);
          await expectRoom(grown);
        },
        end: () => place.life.end(grown),
      };
    },
  },
];

async function expectSize(answer: Answer): Promise<void> {
  if (answer !== GROWN) throw new Error(`${String(answer)} bytes instead of ${GROWN}`);
}

async function expectRoom(volume: TestVolume): Promise<void> {
  const { blocks, bsize } = await statfs(volume.targetPath, { bigint: true });
  if (blocks * bsize <= 64n * MIB) throw new Error(`the filesystem has ${blocks * bsize} bytes only`);
}

/** NodeStage of a volume: what it is afterwards is a filesystem that takes a note. */
const staging = (place: Place, volume: TestVolume, letter?: string): Course => ({
  title: `NodeStageVolume ${volume.id}`,
  mayBeGivenUp: true,
  call: () => place.life.stage(volume),
  check: async () => {
    await writeNote(volume.stagingPath);
    if (letter !== undefined) await expectLetter(volume.stagingPath, letter);
  },
  end: async () => {
    await place.life.unstage(volume);
    await place.life.delete(volume);
  },
});

const stages: readonly Operation[] = [
  {
    name: "stage a new ext4",
    begin: async (place, tag) => staging(place, await place.create(`fresh-${tag}`, "ext4")),
  },
  {
    name: "stage a new xfs",
    begin: async (place, tag) => staging(place, await place.create(`fresh-${tag}`, "xfs")),
  },
  {
    name: "stage one whose mkfs was cut short",
    begin: async (place, tag) => {
      const half = await place.create(`half-${tag}`, "ext4");
      await place.node.rule("fail", `^NodeStageVolume ${quoted(half.id)} .*ran mkfs\\.ext4 -q`);
      const failed = await place.life.stage(half).then(
        () => false,
        () => true,
      );
      if (!failed) throw new Error("its mkfs was to fail");
      await place.node.noRules();
      return staging(place, half);
    },
  },
  {
    name: "stage a copy of a btrfs",
    begin: async (place, tag) => {
      const { wild, wildLetter } = place.fixtures;
      const copy = await place.life.copy(`copy-${tag}`, fromVolume(wild), "btrfs", wild.size);
      return staging(place, copy, wildLetter);
    },
  },
  {
    name: "unstage",
    begin: async (place, tag) => {
      const volume = await place.create(`left-${tag}`, "ext4");
      await place.life.stage(volume);
      await writeNote(volume.stagingPath);
      return {
        title: `NodeUnstageVolume ${volume.id}`,
        call: () => place.life.unstage(volume),
        check: async () => {
          await place.life.stage(volume);
          await writeNote(volume.stagingPath);
          await place.life.unstage(volume);
        },
        end: () => place.life.delete(volume),
      };
    },
  },
  {
    name: "publish",
    begin: async (place, tag) => {
      const volume = await place.create(`shown-${tag}`, "ext4");
      await place.life.stage(volume);
      return {
        title: `NodePublishVolume ${volume.id}`,
        call: () => place.life.publish(volume),
        check: () => writeNote(volume.targetPath),
        end: () => place.life.end(volume),
      };
    },
  },
  {
    name: "unpublish",
    begin: async (place, tag) => {
      const volume = await place.create(`hidden-${tag}`, "ext4");
      await place.life.use(volume);
      return {
        title: `NodeUnpublishVolume ${volume.id}`,
        call: () => place.life.unpublish(volume),
        end: async () => {
          await place.life.unstage(volume);
          await place.life.delete(volume);
        },
      };
    },
  },
];

export const OPERATIONS: readonly Operation[] = [...CREATIONS, ...deletions, ...growth, ...stages];
