/**
 * Backing `devices`: whole disks. Each gets a label and then a partition table that follows from it; the pool's dm-linear
 * devices stand on the disk itself, not on partitions (docs/adr/0012-whole-disks-under-dm-linear.md).
 */
import type { BlockDevice } from "../../core/dm.ts";
import { DeviceMissingError, PoolSetupError } from "../../core/errors.ts";
import type { DevicesPoolOptions } from "../../core/pool-options.ts";
import type { Bytes } from "../../core/units.ts";
import { isClaimed, isReadOnly, sizeOf } from "../../host/block-device.ts";
import type { Runner } from "../../host/run.ts";
import { writePartitionTable } from "../../host/sfdisk.ts";
import type { Backing, DiskOutlook } from "../backing.ts";
import { holdersOf } from "../backing-parts.ts";
import { problemsOfJoining } from "../decision.ts";
import type { Observation } from "../decision.ts";
import type { Growth, Wish } from "../growth.ts";
import { labelledMember } from "../label.ts";
import type { Label } from "../label.ts";
import { memberEnd, memberOf, membersOf, placeOf } from "../layout.ts";
import type { Extents, Member } from "../layout.ts";
import { claimDisk } from "./claim-disk.ts";
import { DISK_LABEL_FROM, growDisks, isTooSmallToJoin, layoutDisks } from "./disk-layout.ts";
import { lookAtDisk } from "./disk-look.ts";
import type { Disk } from "./disk-look.ts";
import { assignRoles } from "./disk-roles.ts";
import { isAsWritten, partitionsOf, tableOf } from "./disk-table.ts";

export class DevicesBacking implements Backing {
  readonly kind = "devices";
  readonly labelsFrom = DISK_LABEL_FROM;
  readonly #options: DevicesPoolOptions;
  readonly #members = new Map<Member, Disk>();
  #joining: readonly Disk[] = [];
  /** Of configured disks that the pool does not need to be open. */
  #notHad: readonly string[] = [];
  #failures: readonly PoolSetupError[] = [];
  /** The primary one, by which the partition tables go. */
  #label: Label | undefined;

  constructor(options: DevicesPoolOptions) {
    this.#options = options;
  }

  async observe(runner: Runner): Promise<readonly Observation[]> {
    const disks = await this.#lookAtAll(runner);
    const { members, joining, primary } = assignRoles(this.#options.name, disks);
    for (const [member, disk] of members) this.#members.set(member, disk);
    if (this.#failures.length > 0) {
      if (!isWhole(primary, members)) throw this.#failure();
      this.#notHad = this.#failures.map(({ message }) => message);
    }
    this.#joining = joining;
    this.#label = primary;
    return Promise.all(members.map(([member, disk]) => this.#observation(member, disk)));
  }

  async layout(): Promise<Extents> {
    const disks = [...this.#members.values()].map(({ title, device }) => ({
      path: title,
      size: device.size,
    }));
    return layoutDisks(this.#options, disks);
  }

  async claim(runner: Runner, label: Label): Promise<void> {
    const member = labelledMember(label);
    const disk = this.#disk(member);
    if (member === "metadata") this.#label = label;
    await claimDisk(runner, disk, label);
    // As it is by now: growing may stop here and be asked for again.
    const claimed = { ...disk, finding: { kind: "label", label, whole: true } } as const;
    this.#members.set(member, claimed);
    this.#joining = this.#joining.map((each) => (each === disk ? claimed : each));
    await this.#writeTable(runner, member, label);
  }

  /** The table as well, where it is lost, or speaks of a growth that was cut off. */
  async attach(runner: Runner, member: Member): Promise<BlockDevice> {
    if (this.#label !== undefined) await this.#writeTable(runner, member, this.#label);
    return this.#disk(member).device;
  }

  async growth(label: Label, wish: Wish): Promise<Growth> {
    const members = membersOf(label.extents).map((member) => ({ member, size: this.#sizeNow(member) }));
    const { refusals, notes, accepted } = await this.#newcomers(label, wish);
    const next = Math.max(...members.map(({ member }) => placeOf(member).index)) + 1;
    const joining = accepted.map((disk, index) => {
      const member = memberOf("data", next + index);
      this.#members.set(member, disk);
      return { member, size: this.#sizeNow(member) };
    });
    const growth = growDisks(label.extents, label.blockSize, wish, [...members, ...joining]);
    return { ...growth, refusals: [...refusals, ...growth.refusals], notes };
  }

  /** The table first: what the label is going to speak of must be protected by then. */
  async extend(runner: Runner, member: Member, label: Label): Promise<BlockDevice> {
    const { device, title } = this.#disk(member);
    const [size, end] = [this.#sizeNow(member), memberEnd(label.extents, member)];
    if (size < end)
      throw new PoolSetupError(`${title}: has ${size} bytes, and the pool is to use ${end} of it`);
    await this.#writeTable(runner, member, label);
    return { ...device, size };
  }

  readonly diskOf = (member: Member, label: Label): DiskOutlook => {
    const { title, table } = this.#disk(member);
    const size = this.#sizeNow(member);
    const wanted = tableOf(label, member, size);
    const partitions = partitionsOf(label.extents, member, size, label.name);
    return { title, size, partitions, isPartitioned: isAsWritten(table, wanted) };
  };

  async detach(): Promise<void> {
    // Nothing was taken: the disks are as they were.
  }

  #failure(): PoolSetupError {
    const problem = `pool ${this.#options.name}: ${this.#failures.map(({ message }) => message).join("; ")}`;
    const cause = this.#failures[0]?.cause;
    return this.#failures.some((error) => error instanceof DeviceMissingError)
      ? new DeviceMissingError(problem, { cause })
      : new PoolSetupError(problem, { cause });
  }

  async #lookAtAll(runner: Runner): Promise<readonly Disk[]> {
    const { name, devices } = this.#options;
    const looks = await Promise.allSettled(
      devices.map((path, index) => lookAtDisk(runner, name, { path, title: `devices[${index}] ${path}` })),
    );
    const failures = looks.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    const known = failures.filter((error) => error instanceof PoolSetupError);
    if (known.length < failures.length) throw failures.find((error) => !(error instanceof PoolSetupError));
    this.#failures = known;
    if (known.length === looks.length) throw this.#failure();
    const disks = looks.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const [index, disk] of disks.entries()) {
      const twin = disks.slice(0, index).find((other) => other.device.number === disk.device.number);
      if (twin === undefined) continue;
      throw new PoolSetupError(
        `pool ${name}: ${disk.title} and ${twin.title} are one disk, ${disk.device.path}; name it once`,
      );
    }
    return disks;
  }

  /** Disks behind those of the pool. One that cannot be had keeps no pool from opening. */
  async #newcomers(label: Label, { reserve }: Wish) {
    const refusals: string[] = [...this.#notHad];
    const notes: string[] = [];
    const accepted: Disk[] = [];
    const rule = { blockSize: label.blockSize, ...(reserve === undefined ? {} : { reserve }) };
    const joined = new Set(membersOf(label.extents).map((member) => this.#disk(member).device.number));
    for (const disk of this.#joining.filter(({ device }) => !joined.has(device.number))) {
      const seen = await this.#observation("data", disk);
      const problems = [...problemsOfJoining(label, seen)];
      if (isTooSmallToJoin(seen.size, rule)) problems.push(`${disk.title}: is too small for a block of data`);
      if (problems.length === 0) accepted.push(disk);
      refusals.push(...problems);
      if (problems.length === 0 && disk.finding.kind === "foreign")
        notes.push(`${disk.title} is overwritten as force says; it held ${disk.finding.what}`);
    }
    return { refusals, notes, accepted };
  }

  async #writeTable(runner: Runner, member: Member, label: Label): Promise<void> {
    const { device, table } = this.#disk(member);
    const wanted = tableOf(label, member, this.#sizeNow(member));
    // A disk that joins has no part of the pool yet.
    if (wanted.partitions.length === 0 || isAsWritten(table, wanted)) return;
    await writePartitionTable(runner, device.path, wanted);
    this.#members.set(member, {
      ...this.#disk(member),
      table: { label: "gpt", partitions: wanted.partitions },
    });
  }

  #disk(member: Member): Disk {
    const disk = this.#members.get(member);
    if (disk === undefined) throw new RangeError(`no disk ${member}`);
    return disk;
  }

  #sizeNow(member: Member): Bytes {
    return sizeOf(this.#disk(member).device.number);
  }

  async #observation(role: Member, { path, title, device, finding, keepOff }: Disk): Promise<Observation> {
    const holders = holdersOf(device);
    return {
      role,
      path: title,
      size: device.size,
      finding,
      forced: this.#options.force.includes(path),
      readOnly: isReadOnly(device.number),
      holders,
      claimed: holders.length === 0 && (await isClaimed(device.path)),
      ...(keepOff === undefined ? {} : { keepOff }),
    };
  }
}

/** Each disk that a complete pool lists is there, by its own label. */
const isWhole = (primary: Label | undefined, members: readonly (readonly [Member, Disk])[]): boolean =>
  primary?.state === "ready" &&
  membersOf(primary.extents).every((listed) =>
    members.some(
      ([member, { finding }]) =>
        member === listed && finding.kind === "label" && finding.label.pool === primary.pool,
    ),
  );
