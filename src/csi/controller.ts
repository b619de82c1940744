/** CSI's Controller service: what it can do, and its methods about volumes; see also controller-snapshots.ts. */
import { quote } from "../core/quote.ts";
import { bytes } from "../core/units.ts";
import type {
  ControllerDefinition,
  CreateVolumeRequest__Output,
  CreateVolumeResponse,
  GetCapacityRequest__Output,
  GetCapacityResponse,
  ListVolumesRequest__Output,
  ListVolumesResponse,
} from "../generated/csi.ts";
import { parseMkfsOptions } from "../mounts/mkfs-options.ts";
import { DEFAULT_FS_TYPE, type CreateVolumeIntent } from "../plan/volume.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";
import { CONTROLLER_CAPABILITIES, UNIMPLEMENTED } from "./controller-capabilities.ts";
import { snapshotHandlers } from "./controller-snapshots.ts";
import { validateCapabilities } from "./controller-validate.ts";
import { locateVolume, requireAllPools, requireFreeElsewhere, requireVolume } from "./locate.ts";
import { parseCreateVolume, parseExpand, parseGetCapacity, volumeMessage } from "./messages-volume.ts";
import type { CreateVolumeCall } from "./messages-volume.ts";
import { pageOf } from "./pages.ts";
import { choosePool, poolForCapacity } from "./placement.ts";
import { requireOpened, type Driver, type Handlers } from "./driver.ts";
import { isHere, requireHere, topologyOf } from "./topology.ts";
import { requireCount, requireString } from "./validate.ts";

export function controllerHandlers(driver: Driver): Handlers<ControllerDefinition> {
  const topology = topologyOf(driver.node.topology);
  const pools = (): PoolSet => requireOpened(driver);
  return {
    ...UNIMPLEMENTED,
    ...snapshotHandlers(pools),
    ControllerGetCapabilities: async () => CONTROLLER_CAPABILITIES,
    CreateVolume: (request) => createVolume(driver, request),
    DeleteVolume: async (request) => {
      const located = locateVolume(pools(), requireString("volume_id", request.volume_id));
      await located?.pool.deleteVolume(located.id);
      return {};
    },
    ControllerExpandVolume: async (request) => {
      const { volumeId, range } = parseExpand(request);
      const { pool, id } = requireVolume(pools(), volumeId);
      const { size } = await pool.expandVolume(id, range);
      return { capacity_bytes: size.toString(), node_expansion_required: true };
    },
    ControllerGetVolume: async (request) => {
      const { record } = requireVolume(pools(), requireString("volume_id", request.volume_id));
      return { volume: volumeMessage(record, topology), status: {} };
    },
    ValidateVolumeCapabilities: async (request) => validateCapabilities(pools(), request),
    ListVolumes: async (request) => listVolumes(driver, request),
    GetCapacity: async (request) => getCapacity(driver, request),
  };
}

async function createVolume(
  driver: Driver,
  request: CreateVolumeRequest__Output,
): Promise<CreateVolumeResponse> {
  const call = parseCreateVolume(request);
  const pools = requireOpened(driver);
  // A volume that exists is answered wherever the caller would have it by now: its pod follows it.
  if (!pools.pools.some((each) => each.volumeByName(call.name) !== undefined))
    requireHere(call.requirements, driver.node.topology);
  const pool = choosePool(pools, call);
  const intent = intentFor(pool, call);
  // No await between this look and the call: the pools share their locks, so the name cannot be taken in between.
  requireFreeElsewhere(
    pools,
    pool,
    `volume ${quote(call.name)}`,
    (each) => each.volumeByName(call.name) !== undefined,
  );
  const { record } = await pool.createVolume(intent);
  return { volume: volumeMessage(record, topologyOf(driver.node.topology)) };
}

function intentFor(pool: Pool, call: CreateVolumeCall): CreateVolumeIntent {
  const { name, range, access, source, mkfsOptions } = call;
  const mounted = access.includes("mount");
  const made = call.fsType ?? sourceFsType(pool, call) ?? DEFAULT_FS_TYPE;
  return {
    name,
    range,
    access,
    source: sourceOf(source),
    ...(call.fsType === undefined ? {} : { fsType: call.fsType }),
    // Raw block volumes may share a StorageClass with mounted ones: its mkfs options are not theirs.
    mkfsOptions: mounted && mkfsOptions !== undefined ? parseMkfsOptions(mkfsOptions, made) : [],
  };
}

function sourceOf(source: CreateVolumeCall["source"]): CreateVolumeIntent["source"] {
  if (source === undefined) return { kind: "empty" };
  if (source.kind === "snapshot") return { kind: "snapshot", id: source.id };
  return { kind: "volume", id: source.id };
}

function sourceFsType(pool: Pool, { source }: CreateVolumeCall): CreateVolumeIntent["fsType"] {
  if (source === undefined) return undefined;
  const record = source.kind === "snapshot" ? pool.snapshot(source.id) : pool.volume(source.id);
  return record?.format.fsType ?? record?.fsType;
}

function listVolumes(driver: Driver, request: ListVolumesRequest__Output): ListVolumesResponse {
  const maxEntries = requireCount("max_entries", request.max_entries);
  const volumes = requireAllPools(requireOpened(driver)).flatMap((pool) => pool.volumes());
  const ready = volumes.filter(({ state }) => state === "ready");
  const page = pageOf(ready, { list: "volumes", maxEntries, startingToken: request.starting_token });
  const topology = topologyOf(driver.node.topology);
  return {
    entries: page.entries.map((record) => ({ volume: volumeMessage(record, topology) })),
    next_token: page.nextToken,
  };
}

const NOTHING = { available: bytes(0), maximumVolume: bytes(0), minimumVolume: bytes(0) };

/** Schedulers poll this for every class and node, so what CreateVolume would refuse is 0, not an error. */
function getCapacity(driver: Driver, request: GetCapacityRequest__Output): GetCapacityResponse {
  const { storageClass, possible, topology } = parseGetCapacity(request);
  const elsewhere = topology !== null && !isHere(topology, driver.node.topology);
  const pool = poolForCapacity(requireOpened(driver), storageClass.pool);
  const capacity = elsewhere || !possible ? NOTHING : (pool?.capacity() ?? NOTHING);
  return {
    available_capacity: capacity.available.toString(),
    maximum_volume_size: { value: capacity.maximumVolume.toString() },
    minimum_volume_size: { value: capacity.minimumVolume.toString() },
  };
}
