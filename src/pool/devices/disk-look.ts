/** One disk as it is: what it is, whose it is, what it holds. Writes nothing. */
import type { BlockDevice, DevNumber } from "../../core/dm.ts";
import { DeviceMissingError, EnvironmentError, messageOf, PoolSetupError } from "../../core/errors.ts";
import type { PoolName } from "../../core/ids.ts";
import { MIB } from "../../core/units.ts";
import { probe } from "../../host/blkid.ts";
import { describeBlockDevice, isClaimed, isReadOnly, readBlock } from "../../host/block-device.ts";
import { readAttribute } from "../../host/dm-sysfs.ts";
import type { Runner } from "../../host/run.ts";
import { readPartitionTable } from "../../host/sfdisk.ts";
import type { PartitionTable } from "../../host/sfdisk.ts";
import { holdersOf } from "../backing-parts.ts";
import type { Finding, Observation } from "../decision.ts";
import { reasonToKeepOff } from "../keep-off.ts";
import { readLabelCopies } from "../label-store.ts";
import type { LabelCopies } from "../label-store.ts";
import type { Member } from "../layout.ts";
import { DISK_LABEL_FROM } from "./disk-layout.ts";
import { strangersIn } from "./disk-table.ts";

export interface Disk {
  /** As configured. */
  readonly path: string;
  /** With its place in the configuration, for messages. */
  readonly title: string;
  readonly device: BlockDevice;
  readonly seen: LabelCopies;
  readonly finding: Finding;
  /** Of a labelled disk. */
  readonly table: PartitionTable | undefined;
  /** As of an observation. */
  readonly keepOff?: string;
}

/** As the decision takes it. */
export async function observeDisk(
  role: Member,
  { path, title, device, finding, keepOff }: Disk,
  forced: readonly string[],
): Promise<Observation> {
  const holders = holdersOf(device);
  return {
    role,
    path: title,
    size: device.size,
    finding,
    forced: forced.includes(path),
    readOnly: isReadOnly(device.number),
    holders,
    claimed: holders.length === 0 && (await isClaimed(device.path)),
    ...(keepOff === undefined ? {} : { keepOff }),
  };
}

/** Less can hold nothing. */
const LEAST = 4n * MIB;

/** Throws PoolSetupError for what is missing, no whole disk, or cannot be read. */
export async function lookAtDisk(
  runner: Runner,
  pool: PoolName,
  { path, title }: Pick<Disk, "path" | "title">,
): Promise<Disk> {
  const device = await describeDisk(path, title);
  try {
    const seen = await readLabelCopies(device.path, DISK_LABEL_FROM);
    const { reading } = seen;
    // Of every disk: without the tool nothing may be begun.
    const found = await readPartitionTable(runner, device.path);
    const table = reading.kind === "label" ? found : undefined;
    const since =
      reading.kind === "label" && found === undefined ? await madeSince(runner, device) : undefined;
    const keepOff = await reasonToKeepOff(runner, device, reading);
    return {
      path,
      title,
      device,
      seen,
      table,
      ...(keepOff === undefined ? {} : { keepOff }),
      finding:
        since ?? (reading.kind === "none" ? await contentOf(runner, device) : labelled(reading, table, pool)),
    };
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    throw new PoolSetupError(
      `${title}: cannot be looked at (${messageOf(error)}); nothing was changed: check the disk`,
      {
        cause: error,
      },
    );
  }
}

/**
 * A label survives what somebody makes on the whole disk without a partition table. Where only the table is lost, there is
 * nothing that blkid knows.
 */
async function madeSince(runner: Runner, device: BlockDevice): Promise<Finding | undefined> {
  const content = await probe(runner, device);
  if (content.kind === "blank" || !content.recognised) return undefined;
  return {
    kind: "unreadable",
    reason: `has a dmthin label, and holds ${content.what} that was made on it since: take the disk out of the configuration, or give that content up with wipefs --all`,
  };
}

async function describeDisk(path: string, title: string): Promise<BlockDevice> {
  const device = await describeBlockDevice(path).catch((error: unknown) => {
    if (error instanceof PoolSetupError && error.cause !== undefined)
      throw new DeviceMissingError(
        `${title}: is not there and is waited for; plug it in, or correct the path`,
        {
          cause: error,
        },
      );
    throw error;
  });
  const other = otherThanDisk(device.number);
  if (other === undefined) return device;
  throw new PoolSetupError(`${title}: is ${other}, not a whole disk; use backing parts for it`);
}

/** Undefined for a whole disk; else what it is. Multipath stands for the disk behind it. */
function otherThanDisk(number: DevNumber): string | undefined {
  const directory = `/sys/dev/block/${number}`;
  const partition = readAttribute(`${directory}/partition`);
  if (partition !== undefined) return `partition ${partition} of a disk`;
  const uuid = readAttribute(`${directory}/dm/uuid`);
  if (uuid === undefined || uuid.startsWith("mpath-")) return undefined;
  return `the device-mapper device ${readAttribute(`${directory}/dm/name`) ?? number}`;
}

/** Also where the label will lie: an old filesystem of a first partition begins there, whose table was wiped. */
export async function contentOf(runner: Runner, device: BlockDevice): Promise<Finding> {
  if (device.size < LEAST) return { kind: "blank" };
  const content = await probe(runner, device);
  if (content.kind === "holds") return { kind: "foreign", what: content.what };
  const area = await readBlock(device.path, DISK_LABEL_FROM, Number(MIB));
  const position = area.findIndex((byte) => byte !== 0);
  return position === -1
    ? { kind: "blank" }
    : { kind: "foreign", what: `unknown data at byte ${DISK_LABEL_FROM + BigInt(position)}` };
}

function labelled(
  reading: Extract<Finding, { kind: "label" | "unreadable" }>,
  table: PartitionTable | undefined,
  pool: PoolName,
): Finding {
  if (reading.kind === "unreadable" || table === undefined) return reading;
  const { label } = reading;
  // One that was never complete may be given up, with whatever was made on its disk since.
  if (label.name !== pool && label.state === "creating") return reading;
  const strangers = strangersIn(table, label);
  return strangers.length === 0
    ? reading
    : {
        kind: "unreadable",
        reason: `has a dmthin label, and what somebody else has made on it must be deleted first: ${strangers.join(", ")}`,
      };
}
