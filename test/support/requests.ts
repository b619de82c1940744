import type { CreateVolumeRequest, VolumeCapability } from "../../src/generated/csi.ts";

/** Well-formed requests, for tests that change one thing about them. */
export const mountCapability = (fsType = "", flags: string[] = []): VolumeCapability => ({
  access_mode: { mode: "SINGLE_NODE_WRITER" },
  mount: { fs_type: fsType, mount_flags: flags },
});

export const blockCapability: VolumeCapability = {
  access_mode: { mode: "SINGLE_NODE_WRITER" },
  block: {},
};

export const createVolumeRequest = (changes: CreateVolumeRequest = {}): CreateVolumeRequest => ({
  name: "pvc-1",
  capacity_range: { required_bytes: 2 ** 30 },
  volume_capabilities: [mountCapability()],
  ...changes,
});

/** Ids of the form dmthin makes, of objects that do not exist. `pool`: the hex digit of a MemoryPool. */
export const idOf = (kind: "v" | "s" | "g", pool: string): string =>
  `${kind}-${pool.repeat(32)}-${"0".repeat(19)}f`;
