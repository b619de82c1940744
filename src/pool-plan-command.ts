/** `dmthin pool plan`: what the driver would do to a pool's devices at its start, or why it would not. Changes nothing. */
import { formatJson } from "./core/json.ts";
import type { Bytes } from "./core/units.ts";
import { formatBytes } from "./core/units.ts";
import { createRunner } from "./host/run.ts";
import { findTools } from "./host/tools.ts";
import type { DiskStanding, DiskVerdict } from "./pool/devices/disk-selector.ts";
import { planPool } from "./pool/pool-plan.ts";
import type { DeviceChange, DevicePlan, PoolPlan, PoolSizes } from "./pool/pool-plan.ts";
import type { PoolOptions } from "./core/pool-options.ts";

/** The driver would do what is shown. */
const PLANNED = 0;
/** It would refuse the pool. */
const REFUSED = 1;

/** `configured`: all pools. Answers the exit code. */
export async function runPoolPlan(
  options: PoolOptions,
  configured: readonly PoolOptions[],
  json: boolean,
): Promise<number> {
  const plan = await planPool(options, createRunner(findTools()), configured);
  const text = json ? formatJson({ pool: options.name, ...plan }) : formatText(options.name, plan);
  process.stdout.write(text);
  return plan.kind === "refuse" ? REFUSED : PLANNED;
}

export function formatText(pool: string, plan: PoolPlan): string {
  const title = `pool ${pool} (${plan.backing})`;
  if (plan.kind === "refuse")
    return lines([
      `${title} would be refused:`,
      ...plan.problems.map((each) => `- ${each}`),
      ...diskLines(plan.disks),
      UNCHANGED,
    ]);
  return lines([
    `${title} ${HEADLINES[plan.kind]}${plan.uuid === undefined ? "" : `, uuid ${plan.uuid}`}`,
    ...plan.devices.flatMap(deviceLines),
    ...(plan.before === undefined ? [] : [`now:  ${sizesText(plan.before)}`]),
    `${plan.before === undefined ? "pool:" : "then:"} ${sizesText(plan.sizes)}`,
    ...plan.notes.map((each) => `- ${each}`),
    ...plan.refusals.map((each) => `- not done: ${each}`),
    ...diskLines(plan.disks),
    UNCHANGED,
  ]);
}

const UNCHANGED = "nothing was changed";

const HEADLINES = {
  create: "would be made",
  finish: "would be finished: its creation was cut off",
  grow: "would grow",
  mend: "is there; a label or a partition table would be written again",
  none: "is there; nothing is to be done",
} as const satisfies Record<Exclude<PoolPlan["kind"], "refuse">, string>;

const CHANGES = {
  take: "would be taken",
  extend: "would be used to a later end",
  mend: "would get its label or its partition table again",
  keep: "stays as it is",
} as const satisfies Record<DeviceChange, string>;

const STANDINGS = {
  own: "is the pool's",
  chosen: "is selected",
  unneeded: "would do",
  refused: "is meant and not taken",
  other: "is not meant",
} as const satisfies Record<DiskStanding, string>;

/** Each disk that was looked at for the selector. */
const diskLines = (disks: readonly DiskVerdict[] = []): string[] =>
  disks.map(({ path, node, model, size, standing, reasons }) => {
    const facts = [
      ...(path === node ? [] : [node]),
      formatBytes(size),
      ...(model === undefined ? [] : [model]),
    ];
    const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
    return `disk ${path} (${facts.join(", ")}) ${STANDINGS[standing]}${why}`;
  });

function deviceLines({ path, size, member, change, labelFrom, partitions, parts }: DevicePlan): string[] {
  return [
    `${path}: ${member}, ${sizeText(size)}, ${CHANGES[change]}`,
    ...(partitions ?? []).map((each) => `  partition ${each.name} at ${each.start}, ${sizeText(each.size)}`),
    `  label at ${labelFrom}`,
    ...parts.map(({ role, offset, length }) => `  ${role} at ${offset}, ${sizeText(length)}`),
  ];
}

function sizesText({ data, blockSize, metadata, catalog, promisable }: PoolSizes): string {
  return [
    `data ${sizeText(data)} in blocks of ${formatBytes(blockSize)}`,
    `metadata ${formatBytes(metadata)} and as much spare`,
    `catalog ${formatBytes(catalog)}`,
    `can promise ${sizeText(promisable)} when empty`,
  ].join("; ");
}

const sizeText = (size: Bytes): string => `${formatBytes(size)} (${size} bytes)`;

const lines = (all: readonly string[]): string => all.map((each) => `${each}\n`).join("");
