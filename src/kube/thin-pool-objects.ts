/** ThinPools at the API server: what is there, and what is done to it. */
import type { KubernetesObject } from "@kubernetes/client-node";
import { z } from "zod";
import { CONDITION_TYPES } from "../core/pool-report.ts";
import { THIN_POOL, THIN_POOL_MODES, type ThinPoolStatus } from "../core/thin-pool.ts";
import type { ExistingThinPool, ThinPoolWrite } from "../plan/thin-pools.ts";
import { apiError, codeOf, CONFLICT, NOT_FOUND, type Api } from "./api.ts";

const { group, version, kind, plural } = THIN_POOL;

export const THIN_POOLS_PATH = `/apis/${group}/${version}/${plural}`;

const list = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.custom<KubernetesObject>((item) => typeof item === "object" && item !== null)),
});

/** All. Rejects where the kind is not installed, too. */
export async function listThinPools({ custom }: Pick<Api, "custom">): Promise<z.infer<typeof list>> {
  try {
    return list.parse(await custom.listClusterCustomObject({ group, version, plural }));
  } catch (error) {
    throw apiError("ThinPools cannot be listed", error);
  }
}

const text = z.string();
const integer = z.number();
const space = z.object({ bytes: integer, usedBytes: integer, usedPercent: integer, size: text });

const status = z.object({
  uuid: text.exactOptional(),
  mode: z.enum(THIN_POOL_MODES),
  backing: text.exactOptional(),
  data: space.exactOptional(),
  metadata: space.exactOptional(),
  promisedBytes: integer.exactOptional(),
  promised: text.exactOptional(),
  availableBytes: integer.exactOptional(),
  overprovision: text.exactOptional(),
  volumes: integer.exactOptional(),
  snapshots: integer.exactOptional(),
  versions: z
    .object({
      driver: text,
      kernel: text.exactOptional(),
      thinPoolTarget: text.exactOptional(),
      poolFormat: integer.exactOptional(),
    })
    .exactOptional(),
  lastReport: z.iso.datetime(),
  conditions: z.array(
    z.object({
      type: z.enum(["Ready", ...CONDITION_TYPES]),
      status: z.enum(["True", "False", "Unknown"]),
      reason: text,
      message: text,
      lastTransitionTime: text,
    }),
  ),
});

const object = z.object({
  metadata: z.object({ name: text, resourceVersion: text, uid: text }),
  spec: z.object({ node: text, pool: text }),
  // What makes no sense is written anew.
  status: status.optional().catch(undefined),
});

/** Undefined for what the kind's schema does not allow. */
export function readThinPool(value: unknown): (ExistingThinPool & { readonly uid: string }) | undefined {
  const parsed = object.safeParse(value);
  if (!parsed.success) return undefined;
  const { metadata, spec, status: read } = parsed.data;
  const { name, resourceVersion, uid } = metadata;
  return { name, resourceVersion, uid, spec, ...(read === undefined ? {} : { status: read }) };
}

/** The uid of the object, where it was written; undefined: somebody else was quicker, and the next look says what is left. */
export async function writeThinPool(
  { custom }: Pick<Api, "custom">,
  write: ThinPoolWrite,
): Promise<string | undefined> {
  const { name } = write;
  const place = { group, version, plural };
  const body = (metadata: object, rest: object) => ({
    apiVersion: `${group}/${version}`,
    kind,
    metadata,
    ...rest,
  });
  const put = async (
    resourceVersion: string,
    { spec, status: now }: Written,
  ): Promise<string | undefined> => {
    const wanted = body({ name, resourceVersion }, { spec, status: now });
    return readThinPool(await custom.replaceClusterCustomObjectStatus({ ...place, name, body: wanted }))?.uid;
  };
  try {
    switch (write.kind) {
      case "create": {
        const { spec } = write;
        const made = readThinPool(
          await custom.createClusterCustomObject({ ...place, body: body({ name }, { spec }) }),
        );
        return made === undefined ? undefined : await put(made.resourceVersion, write);
      }
      case "update":
        return await put(write.resourceVersion, write);
      case "delete": {
        const preconditions = { resourceVersion: write.resourceVersion };
        await custom.deleteClusterCustomObject({ ...place, name, body: { preconditions } });
        return undefined;
      }
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === CONFLICT || code === NOT_FOUND) return undefined;
    throw apiError(`ThinPool ${name} cannot be written`, error);
  }
}

interface Written {
  readonly spec: object;
  readonly status: ThinPoolStatus;
}
