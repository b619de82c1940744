/** The MountEngine of the machine: which operation may run beside which, and where a path of a volume leads. */
import { statfs } from "node:fs/promises";

import { CapacityRangeError, InvalidRequestError, NotFoundError, PreconditionError } from "../core/errors.ts";
import type { Usage } from "../core/filesystem.ts";
import type { VolumeId } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import { type Around, fingerprintOf, Operations } from "../core/operations.ts";
import type { VolumeRecord } from "../core/records.ts";
import { type Bytes, bytes } from "../core/units.ts";
import { type Patience, UNMOUNT_PATIENCE } from "../host/mount.ts";
import type { Runner } from "../host/run.ts";
import type { SizeRange } from "../plan/capacity.ts";
import type { AfterStep } from "../plan/step.ts";
import type { OwnedVolume, Pool } from "../pool/engine.ts";
import type { LeftDevices } from "../pool/left-devices.ts";
import type { MountEngine, PublishIntent, StageIntent, VolumePath } from "./engine.ts";
import { KubeletPaths } from "./paths.ts";
import { observeVolume, shownAt, type VolumePresence } from "./presence.ts";
import { Publisher } from "./publisher.ts";
import { type MountHands, Stager } from "./stager.ts";
import type { Trims } from "./trims.ts";

export interface MountEngineOptions {
  readonly runner: Runner;
  /** Absolute; every path of a request must lie in it. */
  readonly kubeletDirectory: string;
  /** Takes down the device of a volume whose pool is not open. */
  readonly leftDevices: Pick<LeftDevices, "remove">;
  /** What is trimmed makes way for whoever takes a mount down. */
  readonly trims: Pick<Trims, "without">;
  /** How long a busy mount is tried. */
  readonly patience?: Patience;
  /** For fault tests. */
  readonly around?: Around;
  readonly afterStep?: AfterStep;
}

export const createMountEngine = (options: MountEngineOptions): MountEngine => new KernelMounts(options);

type ExpandRequest = VolumePath & { readonly range?: SizeRange };

/**
 * Locks: stage, unstage and expand hold the volume alone, here and in the pool. Publish and unpublish share it, here
 * only for unpublish: it must work whatever the pool is doing. The publish of a single writer, or of a raw device,
 * excludes other publishes. All but expand hold their path alone: two volumes mounted at one path at once would each
 * pass for the other.
 */
class KernelMounts implements MountEngine {
  readonly #operations: Operations;
  readonly #hands: MountHands;
  readonly #leftDevices: MountEngineOptions["leftDevices"];
  readonly #trims: MountEngineOptions["trims"];
  readonly #stager: Stager;
  readonly #publisher: Publisher;

  constructor(options: MountEngineOptions) {
    this.#operations = new Operations(options.around);
    this.#hands = {
      runner: options.runner,
      paths: new KubeletPaths(options.kubeletDirectory),
      patience: options.patience ?? UNMOUNT_PATIENCE,
      afterStep: options.afterStep ?? (() => Promise.resolve()),
    };
    this.#leftDevices = options.leftDevices;
    this.#trims = options.trims;
    this.#stager = new Stager(this.#hands);
    this.#publisher = new Publisher(this.#hands);
  }

  stage(pool: Pool, intent: StageIntent): Promise<void> {
    const call = { method: "NodeStageVolume", request: intent, path: intent.path };
    return this.#alone(pool, call, (volume) => this.#stager.stage(pool, volume, intent));
  }

  unstage(pool: Pool | undefined, at: VolumePath): Promise<void> {
    return this.#trims.without(at.id, () => this.#unstage(pool, at));
  }

  async #unstage(pool: Pool | undefined, at: VolumePath): Promise<void> {
    if (pool === undefined) return this.#unstageLeft(at);
    const call = { method: "NodeUnstageVolume", request: at, path: at.path };
    try {
      await this.#alone(pool, call, (volume) => this.#stager.unstage(pool, volume, at));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      const scope = {
        title: `NodeUnstageVolume ${at.id}`,
        fingerprint: fingerprintOf("NodeUnstageVolume of no record", at),
        exclusive: [lockKey.volume(at.id), this.#pathKey(at.path)],
      };
      await this.#operations.run(scope, () => this.#stager.unstageUnknown(at));
    }
  }

  #unstageLeft(at: VolumePath): Promise<void> {
    const scope = {
      title: `NodeUnstageVolume ${at.id}`,
      fingerprint: fingerprintOf("NodeUnstageVolume without pool", at),
      exclusive: [lockKey.volume(at.id), this.#pathKey(at.path)],
    };
    return this.#operations.run(scope, async () => {
      await this.#stager.unstageLeft(at);
      await this.#leftDevices.remove(at.id);
    });
  }

  publish(pool: Pool, intent: PublishIntent): Promise<void> {
    // A raw device is writable or read-only for all who have it: two must not decide that at once.
    const multiple = intent.accessMode === "SINGLE_NODE_MULTI_WRITER" && intent.access.kind === "mount";
    const title = `NodePublishVolume ${intent.id}`;
    const publishes = lockKey.publishes(intent.id);
    const scope = {
      title,
      fingerprint: fingerprintOf("NodePublishVolume", intent),
      exclusive: [this.#pathKey(intent.targetPath), ...(multiple ? [] : [publishes])],
      shared: [lockKey.volume(intent.id), ...(multiple ? [publishes] : [])],
    };
    return this.#operations.run(scope, () =>
      pool.shareVolume(intent.id, title, lockKey.publish(intent.id, intent.targetPath), (record) =>
        this.#publisher.publish(pool, record, intent),
      ),
    );
  }

  unpublish(pool: Pool | undefined, at: VolumePath): Promise<void> {
    const scope = {
      title: `NodeUnpublishVolume ${at.id}`,
      fingerprint: fingerprintOf("NodeUnpublishVolume", at),
      exclusive: [this.#pathKey(at.path)],
      shared: [lockKey.volume(at.id)],
    };
    return this.#operations.run(scope, () => this.#publisher.unpublish(pool?.volume(at.id), at));
  }

  expand(pool: Pool, request: ExpandRequest): Promise<Bytes> {
    return this.#alone(pool, { method: "NodeExpandVolume", request }, async (volume) => {
      requireWithinRecord(volume.record, request.range);
      const path = await this.#hands.paths.place(request.path, "volume_path");
      const { staging } = volume.record;
      const presence = await this.#observe(pool, request.id);
      if (staging === undefined || presence.device === undefined) {
        throw new PreconditionError(`volume ${request.id} is not staged: it grows when it is staged`);
      }
      requireShown(presence, volume.record, path);
      if (staging.access === "mount" && shownAt(presence, staging.path) === undefined) {
        throw new PreconditionError(
          `volume ${request.id} is no longer mounted at ${staging.path}: stage it again`,
        );
      }
      const device = await this.#stager.growStaged(pool, volume, staging);
      return device.size;
    });
  }

  usage(pool: Pool, at: VolumePath): Promise<Usage> {
    const scope = {
      title: `NodeGetVolumeStats ${at.id}`,
      // Joined by equal calls: a filesystem that does not answer holds one thread, not one for each call.
      fingerprint: fingerprintOf("NodeGetVolumeStats", at),
      exclusive: [],
    };
    return this.#operations.run(scope, () => this.#usage(pool, at));
  }

  async #usage(pool: Pool, at: VolumePath): Promise<Usage> {
    const record = pool.volume(at.id);
    if (record?.state !== "ready") throw new NotFoundError(`volume ${at.id} does not exist`);
    const path = await this.#placeOrNotFound(at);
    const presence = await this.#observe(pool, at.id);
    if (requireShown(presence, record, path) === "filesystem") return usageOf(path);
    return { kind: "block", total: presence.device?.size ?? record.size };
  }

  /** CSI wants NOT_FOUND for a path that is not the volume's, however it is wrong. */
  async #placeOrNotFound(at: VolumePath): Promise<string> {
    try {
      return await this.#hands.paths.place(at.path, "volume_path");
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      throw new NotFoundError(`volume ${at.id} is not there: ${error.message}`, { cause: error });
    }
  }

  async #observe(pool: Pool, id: VolumeId): Promise<VolumePresence> {
    return observeVolume(pool, id, await this.#hands.paths.directory());
  }

  /** Holds the volume, and the path where one is given. */
  #alone<T>(
    pool: Pool,
    call: { readonly method: string; readonly request: { readonly id: VolumeId }; readonly path?: string },
    work: (volume: OwnedVolume) => Promise<T>,
  ): Promise<T> {
    const { method, request, path } = call;
    const title = `${method} ${request.id}`;
    const fingerprint = fingerprintOf(method, request);
    const exclusive = [lockKey.volume(request.id), ...(path === undefined ? [] : [this.#pathKey(path)])];
    return this.#operations.run({ title, fingerprint, exclusive }, () =>
      pool.withVolume(request.id, title, fingerprint, work),
    );
  }

  #pathKey(path: string): string {
    return lockKey.path(this.#hands.paths.lockName(path));
  }
}

function requireWithinRecord(record: VolumeRecord, range: SizeRange = {}): void {
  const { required, limit } = range;
  if (required !== undefined && required > record.size) {
    throw new CapacityRangeError(
      `volume ${record.id} has ${record.size} bytes, ${required} are required: call ControllerExpandVolume first`,
    );
  }
  if (limit !== undefined && limit < record.size) {
    throw new CapacityRangeError(
      `volume ${record.id} has ${record.size} bytes already, the limit is ${limit}`,
    );
  }
}

/** How a path shows the volume. NotFoundError where it does not. */
function requireShown(presence: VolumePresence, record: VolumeRecord, path: string): "filesystem" | "node" {
  const shown = shownAt(presence, path);
  if (shown !== undefined) return shown.kind;
  // A raw volume leaves its staging directory as it is.
  const { staging } = record;
  if (staging?.access === "block" && staging.path === path && presence.device !== undefined) return "node";
  throw new NotFoundError(`volume ${record.id} is neither staged nor published at ${path}`);
}

async function usageOf(path: string): Promise<Usage> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path, { bigint: true });
  return {
    kind: "filesystem",
    bytes: {
      total: bytes(blocks * bsize),
      used: bytes((blocks - bfree) * bsize),
      available: bytes(bavail * bsize),
    },
    ...(files === 0n ? {} : { inodes: { total: files, used: files - ffree, available: ffree } }),
  };
}
