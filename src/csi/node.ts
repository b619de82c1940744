/** CSI's Node service: the volume is looked up, then mounts/ does the work and checks the paths. */
import { NotFoundError, PreconditionError } from "../core/errors.ts";
import { parseId } from "../core/ids.ts";
import type { VolumeId } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { NodeDefinition, NodeServiceCapability_RPC_Type } from "../generated/csi.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";
import { accessProblem } from "./controller-validate.ts";
import { requireVolume } from "./locate.ts";
import {
  parseNodeExpand,
  parsePublish,
  parseStage,
  parseStats,
  parseUnpublish,
  parseUnstage,
  usageMessages,
} from "./messages-node.ts";
import { requireOpened, type Driver, type Handlers } from "./driver.ts";
import { topologyOf } from "./topology.ts";

const CAPABILITIES: readonly NodeServiceCapability_RPC_Type[] = [
  "STAGE_UNSTAGE_VOLUME",
  "GET_VOLUME_STATS",
  "EXPAND_VOLUME",
  "SINGLE_NODE_MULTI_WRITER",
];

export function nodeHandlers(driver: Driver): Handlers<NodeDefinition> {
  const { mounts, node } = driver;
  const pools = (): PoolSet => requireOpened(driver);
  /**
   * For the end of a pod, which must come also while the volume's pool is missing, and during the start. A volume of ours,
   * existing or not: kubelet may repeat a call whose answer it missed after the volume has been deleted, and would
   * repeat it for ever if that failed.
   */
  const locate = (volumeId: string): { readonly pool: Pool | undefined; readonly id: VolumeId } => {
    const parsed = parseId(volumeId);
    if (parsed?.kind !== "volume") throw new NotFoundError(`volume ${quote(volumeId)} does not exist`);
    return { pool: driver.pools()?.byUuid(parsed.pool), id: parsed.id };
  };
  return {
    NodeGetCapabilities: async () => ({ capabilities: CAPABILITIES.map((type) => ({ rpc: { type } })) }),
    NodeGetInfo: async () => ({
      node_id: node.name,
      max_volumes_per_node: node.maxVolumes,
      accessible_topology: topologyOf(node.topology),
    }),
    NodeStageVolume: async (request) => {
      const { volumeId, path, access, readOnly } = parseStage(request);
      const { pool, id, record } = requireVolume(pools(), volumeId);
      const problem = accessProblem(access, record);
      if (problem !== undefined) throw new PreconditionError(problem);
      const stage = () => mounts.stage(pool, { id, path, access, readOnly });
      await (driver.damage === undefined ? stage() : driver.damage.watch(record, stage));
      return {};
    },
    NodeUnstageVolume: async (request) => {
      const { volumeId, path } = parseUnstage(request);
      const { pool, id } = locate(volumeId);
      await mounts.unstage(pool, { id, path });
      return {};
    },
    NodePublishVolume: async (request) => {
      const { volumeId, ...intent } = parsePublish(request);
      const { pool, id, record } = requireVolume(pools(), volumeId);
      const problem = accessProblem(intent.access, record);
      if (problem !== undefined) throw new PreconditionError(problem);
      await mounts.publish(pool, { id, ...intent });
      return {};
    },
    NodeUnpublishVolume: async (request) => {
      const { volumeId, path } = parseUnpublish(request);
      const { pool, id } = locate(volumeId);
      await mounts.unpublish(pool, { id, path });
      return {};
    },
    NodeGetVolumeStats: async (request) => {
      const { volumeId, path } = parseStats(request);
      const { pool, id } = requireVolume(pools(), volumeId);
      return { usage: usageMessages(await mounts.usage(pool, { id, path })) };
    },
    NodeExpandVolume: async (request) => {
      const { volumeId, ...at } = parseNodeExpand(request);
      const { pool, id } = requireVolume(pools(), volumeId);
      const size = await mounts.expand(pool, { id, ...at });
      return { capacity_bytes: size.toString() };
    },
  };
}
