/** Every operation that takes a disk's time: how it is asked for, what it may do once, and the way back. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { capabilityOf, fromSnapshot, fromVolume, type TestVolume } from "../../support/volume-life.ts";
import type { Message } from "../fuzz/contract.ts";
import type { SlowBench } from "./slow-bench.ts";

/** One call that is ready to be made. */
export interface Prepared {
  readonly message: Message;
  /** Takes back what the call made, and what was made for it. */
  readonly undo: (response: Message) => Promise<void>;
}

export interface Operation {
  readonly title: string;
  readonly rpc: string;
  /** Commands in the driver's log, and how often the operation runs them, however often it is asked for. */
  readonly once: readonly (readonly [RegExp, number])[];
  /** It waits for no disk: it may be over before it is cut. */
  readonly quick?: boolean;
  readonly prepare: (bench: SlowBench, used: TestVolume, name: string) => Promise<Prepared>;
}

const CREATE_THIN = /"create_thin \d/;
const CREATE_SNAP = /"create_snap \d/;
const DELETE = /"delete \d/;
const MKFS = /"mkfs\.ext4","-q","-b"/;
/** Of a volume; the catalog has other options. */
const MOUNT = /"--rw","-t","ext4","-o","errors=remount-ro"/;
const BIND = /"-o","bind"/;
const UMOUNT = /\["umount"/;
const REMOVE = /\["dmsetup","remove"/;
/** Its filesystem may be grown to where it is already, its table may not. */
const LOAD = /\["dmsetup","load","dmthin-slow-v-/;

const SIZE = 64n << 20n;
const ext4 = capabilityOf("ext4");
const volumeMessage = (name: string, more: Message = {}): Message => ({
  name,
  capacity_range: { required_bytes: SIZE.toString() },
  volume_capabilities: [ext4],
  ...more,
});
const idIn = (response: Message, object: string, id: string): string => {
  const found = (response[object] as Message | undefined)?.[id];
  if (typeof found !== "string") throw new TypeError(`the response has no ${object}.${id}`);
  return found;
};
const nothing = (): Promise<void> => Promise.resolve();
const staged = async ({ life }: SlowBench, name: string): Promise<TestVolume> => {
  const volume = await life.create(name, "ext4");
  await life.stage(volume);
  return volume;
};

const createVolume: Operation["prepare"] = async (bench, _used, name) => ({
  message: volumeMessage(name),
  undo: async (response) => {
    await bench.driver.client.controller.deleteVolume({ volume_id: idIn(response, "volume", "volume_id") });
  },
});

export const OPERATIONS: readonly Operation[] = [
  { title: "CreateVolume", rpc: "CreateVolume", once: [[CREATE_THIN, 1]], prepare: createVolume },
  {
    title: "CreateVolume from a volume in use",
    rpc: "CreateVolume",
    once: [[CREATE_SNAP, 1]],
    prepare: async (bench, used, name) => ({
      message: volumeMessage(name, { volume_content_source: fromVolume(used) }),
      undo: (await createVolume(bench, used, name)).undo,
    }),
  },
  {
    title: "CreateVolume from a snapshot",
    rpc: "CreateVolume",
    once: [[CREATE_SNAP, 1]],
    prepare: async (bench, used, name) => {
      const snapshot = await bench.life.snapshot(name, used);
      const { undo } = await createVolume(bench, used, name);
      return {
        message: volumeMessage(name, { volume_content_source: fromSnapshot(snapshot) }),
        undo: async (response) => {
          await undo(response);
          await bench.life.deleteSnapshots(snapshot);
        },
      };
    },
  },
  {
    title: "CreateSnapshot of a volume in use",
    rpc: "CreateSnapshot",
    once: [
      [CREATE_SNAP, 1],
      [/\["dmsetup","suspend"/, 1],
      [/\["dmsetup","resume"/, 1],
    ],
    prepare: async (bench, used, name) => ({
      message: { name, source_volume_id: used.id },
      undo: async (response) => {
        await bench.driver.client.controller.deleteSnapshot({
          snapshot_id: idIn(response, "snapshot", "snapshot_id"),
        });
      },
    }),
  },
  {
    title: "DeleteSnapshot",
    rpc: "DeleteSnapshot",
    once: [[DELETE, 1]],
    prepare: async ({ life }, used, name) => {
      const { snapshot_id } = await life.snapshot(name, used);
      return { message: { snapshot_id }, undo: nothing };
    },
  },
  {
    title: "CreateVolumeGroupSnapshot",
    rpc: "CreateVolumeGroupSnapshot",
    once: [[CREATE_SNAP, 2]],
    prepare: async (bench, used, name) => {
      const other = await bench.life.create(name, "block");
      return {
        message: { name, source_volume_ids: [used.id, other.id] },
        undo: async (response) => {
          const group = response["group_snapshot"] as Message;
          await bench.driver.client.groupController.deleteVolumeGroupSnapshot({
            group_snapshot_id: String(group["group_snapshot_id"]),
            snapshot_ids: (group["snapshots"] as readonly Message[]).map((each) =>
              String(each["snapshot_id"]),
            ),
          });
          await bench.life.delete(other);
        },
      };
    },
  },
  {
    title: "DeleteVolumeGroupSnapshot",
    rpc: "DeleteVolumeGroupSnapshot",
    once: [[DELETE, 1]],
    prepare: async (bench, used, name) => {
      const { group_snapshot: group } = await bench.driver.client.groupController.createVolumeGroupSnapshot({
        name,
        source_volume_ids: [used.id],
      });
      const snapshot_ids = group?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [];
      return { message: { group_snapshot_id: group?.group_snapshot_id, snapshot_ids }, undo: nothing };
    },
  },
  {
    title: "ControllerExpandVolume",
    rpc: "ControllerExpandVolume",
    once: [],
    prepare: async ({ life }, _used, name) => {
      const volume = await life.create(name, "ext4");
      const message = { volume_id: volume.id, capacity_range: { required_bytes: (80n << 20n).toString() } };
      return { message, undo: () => life.delete(volume) };
    },
  },
  {
    title: "NodeStageVolume, which formats",
    rpc: "NodeStageVolume",
    once: [
      [MKFS, 1],
      [MOUNT, 1],
    ],
    prepare: async ({ life }, _used, name) => {
      const volume = await life.create(name, "ext4");
      await mkdir(volume.stagingPath, { recursive: true });
      return {
        message: {
          volume_id: volume.id,
          staging_target_path: volume.stagingPath,
          volume_capability: ext4,
        },
        undo: async () => {
          await life.unstage(volume);
          await life.delete(volume);
        },
      };
    },
  },
  {
    title: "NodePublishVolume",
    rpc: "NodePublishVolume",
    quick: true,
    once: [[BIND, 1]],
    prepare: async (bench, _used, name) => {
      const volume = await staged(bench, name);
      await mkdir(dirname(volume.targetPath), { recursive: true });
      return {
        message: {
          volume_id: volume.id,
          staging_target_path: volume.stagingPath,
          target_path: volume.targetPath,
          volume_capability: ext4,
        },
        undo: () => bench.life.end(volume),
      };
    },
  },
  {
    title: "NodeExpandVolume",
    rpc: "NodeExpandVolume",
    once: [[LOAD, 1]],
    prepare: async (bench, _used, name) => {
      const volume = await staged(bench, name);
      await bench.life.enlarge(volume, 80n << 20n);
      return {
        message: { volume_id: volume.id, volume_path: volume.stagingPath },
        undo: async () => {
          await bench.life.unstage(volume);
          await bench.life.delete(volume);
        },
      };
    },
  },
  {
    title: "NodeUnpublishVolume",
    rpc: "NodeUnpublishVolume",
    quick: true,
    once: [[UMOUNT, 1]],
    prepare: async (bench, _used, name) => {
      const volume = await staged(bench, name);
      await bench.life.publish(volume);
      return {
        message: { volume_id: volume.id, target_path: volume.targetPath },
        undo: () => bench.life.end(volume),
      };
    },
  },
  {
    title: "NodeUnstageVolume",
    rpc: "NodeUnstageVolume",
    once: [
      [UMOUNT, 1],
      [REMOVE, 1],
    ],
    prepare: async (bench, _used, name) => {
      const volume = await staged(bench, name);
      return {
        message: { volume_id: volume.id, staging_target_path: volume.stagingPath },
        undo: async () => {
          await bench.life.unstage(volume);
          await bench.life.delete(volume);
        },
      };
    },
  },
  {
    title: "DeleteVolume",
    rpc: "DeleteVolume",
    once: [[DELETE, 1]],
    prepare: async ({ life }, _used, name) => {
      const volume = await life.create(name, "ext4");
      return { message: { volume_id: volume.id }, undo: nothing };
    },
  },
];
