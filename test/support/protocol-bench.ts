import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen } from "../../src/csi/server.ts";
import { csiServices } from "../../src/csi/services.ts";
import type { VolumeCapability } from "../../src/generated/csi.ts";
import type { PoolSet } from "../../src/pool/engine.ts";
import { connectCsi, type CsiClient } from "./csi-client.ts";
import { MemoryMounts } from "./memory-mounts.ts";
import { MemoryPool, memoryPools } from "./memory-pool.ts";
import { recordingLog, type LoggedLine } from "./recording-log.ts";
import { createVolumeRequest, mountCapability } from "./requests.ts";

/** All services on a real socket over pools and mounts in memory. */
export interface ProtocolBench {
  readonly client: CsiClient;
  /** Where `client` is connected to. */
  readonly endpoint: string;
  readonly fast: MemoryPool;
  readonly slow: MemoryPool;
  readonly mounts: MemoryMounts;
  readonly lines: readonly LoggedLine[];
  /** What the driver has open; undefined while it starts. At first `fast` (the default) and `slow`. */
  pools: PoolSet | undefined;
  stop(): Promise<void>;
}

/** The id of a new volume in the default pool. */
export async function makeVolume(
  { client }: ProtocolBench,
  capability: VolumeCapability = mountCapability(),
): Promise<string> {
  const request = createVolumeRequest({ volume_capabilities: [capability] });
  const { volume } = await client.controller.createVolume(request);
  return volume?.volume_id ?? "";
}

export async function startBench(): Promise<ProtocolBench> {
  const directory = mkdtempSync(join(tmpdir(), "bench-"));
  const fast = new MemoryPool("fast", "a");
  const slow = new MemoryPool("slow", "b");
  const mounts = new MemoryMounts();
  const { log, lines } = recordingLog();
  const node = { name: "node-1", topology: "node-1", maxVolumes: 20 };
  const driver = { version: "1.2.3", node, mounts, pools: () => bench.pools };
  const server = await listen(join(directory, "csi.sock"), csiServices(driver, { log }));
  const client = connectCsi(server.path);
  const bench: ProtocolBench = {
    client,
    endpoint: `unix:${server.path}`,
    fast,
    slow,
    mounts,
    lines,
    pools: memoryPools([fast, slow]),
    stop: async () => {
      client.close();
      await server.drain({ idle: () => Promise.resolve(), withinMs: 1000 });
      rmSync(directory, { recursive: true });
    },
  };
  return bench;
}
