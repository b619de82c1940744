/** The shape of a pool in the configuration file. Messages go on after `path: `. */
import { z } from "zod";
import { FIRST_WARNING_PERCENT, LOOP_FILES } from "../core/pool-options.ts";
import type { Reserve } from "../core/pool-options.ts";
import { bytes, GIB, KIB, MIB } from "../core/units.ts";
import { absolutePath, isPlain, period, poolName, size, strict, whole } from "./fields.ts";

/** The largest metadata that the kernel uses is 255 × 16320 blocks; whole 4-MiB steps below it. */
const MAX_METADATA = bytes(4064n * 4n * MIB);

/** Not below the first level that the kernel tells of. */
const growsByItself = {
  at: whole(FIRST_WARNING_PERCENT, 99).default(FIRST_WARNING_PERCENT),
  metadata: z.boolean().default(true),
};

const common = {
  name: poolName,
  blockSize: size({ least: 64n * KIB, most: GIB, step: 64n * KIB }).prefault("64KiB"),
  metadataSize: size({ least: 4n * MIB, most: MAX_METADATA, step: 4n * MIB }).exactOptional(),
  overprovision: z
    .number()
    .refine((ratio) => ratio > 0 && ratio <= 1000, "must be above 0 and at most 1000")
    .default(1),
  zeroing: z.boolean().default(true),
  whenFull: z.enum(["error", "queue"]).default("error"),
  discard: z.boolean().default(true),
  discardOnDelete: z.boolean().default(false),
  trim: strict({ every: period.prefault("7d") }).prefault({}),
};

const dataSize = size({ least: 64n * KIB, most: 1n << 60n, step: 4n * KIB });

const loop = strict({
  backing: z.literal("loop"),
  ...common,
  directory: absolutePath,
  dataSize,
  autoGrow: strict({
    ...growsByItself,
    step: whole(1, 100).default(20),
    limit: dataSize.exactOptional(),
  }).prefault({}),
  force: z.array(z.enum(LOOP_FILES)).default([]),
}).refine(({ autoGrow, dataSize: now }) => autoGrow.limit === undefined || autoGrow.limit >= now, {
  path: ["autoGrow", "limit"],
  message: "must not be below dataSize",
});

const parts = strict({
  backing: z.literal("parts"),
  ...common,
  data: absolutePath,
  metadata: absolutePath,
  catalog: absolutePath.exactOptional(),
  autoGrow: strict(growsByItself).prefault({}),
  force: z.array(absolutePath).default([]),
});

/** A label lists where the parts of its pool lie, and has room for that many. */
const MOST_DEVICES = 16;

const MOST_RESERVED = 90;

/** A share of each disk, or a size. */
const reserve = z.unknown().transform((value, context): Reserve => {
  const percent = typeof value === "string" ? /^(\d{1,3})%$/.exec(value.trim())?.[1] : undefined;
  if (percent !== undefined && Number(percent) <= MOST_RESERVED) return { percent: Number(percent) };
  const amount =
    percent === undefined ? size({ least: 0n, most: 1n << 60n, step: MIB }).safeParse(value) : undefined;
  if (amount?.success === true) return { bytes: amount.data };
  context.addIssue({
    code: "custom",
    message: `must be at most ${MOST_RESERVED}%, such as 10%, or a size of whole MiB, such as 20GiB`,
    input: value,
  });
  return z.NEVER;
});

const pattern = z
  .string()
  .min(1, "must not be empty")
  .max(128, "must be at most 128 characters")
  .refine(isPlain, "must not contain control characters")
  .refine((text) => /[^*?]/.test(text), "must have something beside * and ?, else any disk would do")
  // What they mean elsewhere would be missed here.
  .refine(
    (text) => !/[[\]{}\\/]/.test(text),
    "must not contain [ ] { } \\ or /; only * and ? have a meaning",
  );

const diskSize = size({ least: 1n, most: 1n << 60n, step: 1n });

const select = strict({
  count: z
    .number()
    .refine(
      (count) => Number.isInteger(count) && count >= 1 && count <= MOST_DEVICES,
      `must be a whole number of disks, from 1 to ${MOST_DEVICES}`,
    ),
  model: pattern.exactOptional(),
  byId: pattern.exactOptional(),
  minSize: diskSize.exactOptional(),
  maxSize: diskSize.exactOptional(),
})
  .refine(
    ({ model, byId, minSize, maxSize }) => [model, byId, minSize, maxSize].some((each) => each !== undefined),
    "must have model, byId, minSize or maxSize",
  )
  .refine(({ minSize, maxSize }) => minSize === undefined || maxSize === undefined || minSize <= maxSize, {
    path: ["maxSize"],
    message: "must not be below minSize",
  });

const devices = strict({
  backing: z.literal("devices"),
  ...common,
  devices: z
    .array(absolutePath)
    .min(1, "must name at least one disk")
    .max(MOST_DEVICES, `must name at most ${MOST_DEVICES} disks`)
    .exactOptional(),
  select: select.exactOptional(),
  autoGrow: strict(growsByItself).prefault({}),
  reserve: reserve.exactOptional(),
  force: z.array(absolutePath).default([]),
})
  .refine((pool) => pool.devices !== undefined || pool.select !== undefined, {
    path: ["devices"],
    message: "is required, or select in its place",
  })
  .refine((pool) => pool.devices === undefined || pool.select === undefined, {
    path: ["select"],
    message: "must not stand beside devices; give one of them",
  })
  .refine((pool) => pool.force.length === 0 || pool.select === undefined, {
    path: ["force"],
    message: "must not stand beside select, which takes empty disks only; name the disk under devices",
  })
  .transform(({ devices: named = [], ...rest }) => ({ ...rest, devices: named }));

/** What Docker's `dm.thinpooldev` was; why it does not exist: docs/adr/0013-no-pool-that-lvm-keeps.md. */
const NO_POOL_OF_OTHERS = `"external" does not exist: a thin-pool that something else keeps is not taken; give parts two devices to make one on, on LVM two logical volumes that are no thin-pool`;

export const pool = z
  .discriminatedUnion("backing", [loop, parts, devices], {
    error: ({ code, input }) => {
      if (code !== "invalid_union") return undefined;
      const backing: unknown =
        typeof input === "object" && input !== null && "backing" in input ? input.backing : undefined;
      if (backing === undefined) return "is required: loop, parts or devices";
      if (backing === "external") return NO_POOL_OF_OTHERS;
      return "must be loop, parts or devices";
    },
  })
  .refine(({ discard, discardOnDelete }) => discard || !discardOnDelete, {
    path: ["discardOnDelete"],
    message: "needs discard: true, without which no discard reaches the disk",
  });
