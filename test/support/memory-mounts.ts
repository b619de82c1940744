import { NotFoundError } from "../../src/core/errors.ts";
import type { Usage } from "../../src/core/filesystem.ts";
import { bytes } from "../../src/core/units.ts";
import type { MountEngine } from "../../src/mounts/engine.ts";
import type { Pool } from "../../src/pool/engine.ts";

/** Mounts nothing; keeps what the Node service asked for, to test the protocol. */
export class MemoryMounts implements MountEngine {
  readonly asked: { readonly what: string; readonly pool: string | undefined; readonly intent: object }[] =
    [];
  usageAnswer: Usage = { kind: "block", total: bytes(4096) };

  stage = (pool: Pool, intent: object): Promise<void> => this.#note("stage", pool, intent);
  unstage = (pool: Pool | undefined, intent: object): Promise<void> => this.#note("unstage", pool, intent);
  publish = (pool: Pool, intent: object): Promise<void> => this.#note("publish", pool, intent);
  unpublish = (pool: Pool | undefined, intent: object): Promise<void> =>
    this.#note("unpublish", pool, intent);

  async expand(pool: Pool, intent: Parameters<MountEngine["expand"]>[1]): ReturnType<MountEngine["expand"]> {
    await this.#note("expand", pool, intent);
    return pool.volume(intent.id)?.size ?? bytes(0);
  }

  async usage(pool: Pool, at: Parameters<MountEngine["usage"]>[1]): Promise<Usage> {
    await this.#note("usage", pool, at);
    if (!at.path.startsWith("/")) throw new NotFoundError(`${at.path} is no path of the volume`);
    return this.usageAnswer;
  }

  async #note(what: string, pool: Pool | undefined, intent: object): Promise<void> {
    this.asked.push({ what, pool: pool?.name, intent });
  }
}
