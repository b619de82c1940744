/** Backing `parts`: block devices as given. Labels are written in place; nothing is ever partitioned. */
import type { BlockDevice } from "../core/dm.ts";
import { messageOf, PoolSetupError } from "../core/errors.ts";
import type { PartsPoolOptions } from "../core/pool-options.ts";
import type { Bytes } from "../core/units.ts";
import { probe } from "../host/blkid.ts";
import { describeBlockDevice, holders, isClaimed, isReadOnly, sizeOf } from "../host/block-device.ts";
import { readAttribute } from "../host/dm-sysfs.ts";
import type { Runner } from "../host/run.ts";
import type { Backing } from "./backing.ts";
import type { Finding, Holder, Observation } from "./decision.ts";
import { growParts } from "./growth.ts";
import type { Growth, Wish } from "./growth.ts";
import { reasonToKeepOff } from "./keep-off.ts";
import type { Label } from "./label.ts";
import { claimDevice, readLabelCopies, writeLabel } from "./label-store.ts";
import type { LabelCopies } from "./label-store.ts";
import { LABEL_AREA, layoutParts, memberEnd } from "./layout.ts";
import type { Extents, MemberRole } from "./layout.ts";

interface Member {
  readonly role: MemberRole;
  /** As configured. */
  readonly path: string;
  readonly device: BlockDevice;
  readonly seen: LabelCopies;
  readonly finding: Finding;
  readonly keepOff?: string;
}

/** Devices built on one, as the kernel knows them; uuids of those that are dm devices. */
export function holdersOf(device: BlockDevice): readonly Holder[] {
  return holders(device.number).map((name) => {
    const uuid = readAttribute(`/sys/class/block/${name}/dm/uuid`);
    return uuid === undefined ? { name } : { name, uuid };
  });
}

export class PartsBacking implements Backing {
  readonly kind = "parts";
  readonly #options: PartsPoolOptions;
  readonly #members = new Map<MemberRole, Member>();

  constructor(options: PartsPoolOptions) {
    this.#options = options;
  }

  async observe(runner: Runner): Promise<readonly Observation[]> {
    const { metadata, data, catalog } = this.#options;
    await this.#look(runner, "metadata", metadata);
    await this.#look(runner, "data", data);
    if (catalog !== undefined) await this.#look(runner, "catalog", catalog);
    const members = [...this.#members.values()];
    for (const [index, member] of members.entries()) {
      const twin = members.slice(0, index).find((other) => other.device.number === member.device.number);
      if (twin === undefined) continue;
      throw new PoolSetupError(
        `pool ${this.#options.name}: ${member.path} and ${twin.path} are one device, ${member.device.path}; name two`,
      );
    }
    return Promise.all(members.map((member) => this.#observation(member)));
  }

  async layout(): Promise<Extents> {
    const catalog = this.#members.get("catalog");
    return layoutParts(this.#options, {
      metadata: this.#size("metadata"),
      data: this.#size("data"),
      ...(catalog === undefined ? {} : { catalog: catalog.device.size }),
    });
  }

  async claim(_runner: Runner, label: Label): Promise<void> {
    const { device, seen, finding } = this.#member(label.member);
    if (finding.kind === "label" && finding.whole && finding.label.pool === label.pool) return;
    const overwrite =
      finding.kind === "foreign" || (finding.kind === "label" && finding.label.pool !== label.pool);
    if (finding.kind === "label" && !overwrite) return writeLabel(device.path, label);
    await claimDevice({ path: device.path, size: device.size, seen, overwrite }, label);
  }

  async attach(_runner: Runner, role: MemberRole): Promise<BlockDevice> {
    return this.#member(role).device;
  }

  async growth({ extents, blockSize }: Label, wish: Wish): Promise<Growth> {
    const [metadata, data] = [this.#sizeNow("metadata"), this.#sizeNow("data")];
    return growParts(extents, blockSize, wish, { metadata, data });
  }

  /** Whoever owns the device has made it longer already. */
  async extend(_runner: Runner, role: MemberRole, { extents }: Label): Promise<BlockDevice> {
    const end = memberEnd(extents, role);
    const { device, path } = this.#member(role);
    const size = this.#sizeNow(role);
    if (size >= end) return { ...device, size };
    throw new PoolSetupError(`${path}: has ${size} bytes, and the pool is to use ${end} of it`);
  }

  async detach(): Promise<void> {
    // Nothing was taken: the devices are as they were given.
  }

  #member(role: MemberRole): Member {
    const member = this.#members.get(role);
    if (member === undefined) throw new RangeError(`no ${role} device`);
    return member;
  }

  #sizeNow(role: MemberRole): Bytes {
    return sizeOf(this.#member(role).device.number);
  }

  #size(role: MemberRole): Bytes {
    return this.#member(role).device.size;
  }

  async #look(runner: Runner, role: MemberRole, path: string): Promise<void> {
    const device = await describeBlockDevice(path);
    try {
      const seen = await readLabelCopies(device.path);
      const finding = await this.#find(runner, device, seen);
      const keepOff = await reasonToKeepOff(runner, device, seen.reading);
      const member = { role, path, device, seen, finding, ...(keepOff === undefined ? {} : { keepOff }) };
      this.#members.set(role, member);
    } catch (error) {
      throw new PoolSetupError(
        `pool ${this.#options.name}: ${path} cannot be looked at (${messageOf(error)}); nothing was changed`,
        { cause: error },
      );
    }
  }

  async #find(runner: Runner, device: BlockDevice, { reading }: LabelCopies): Promise<Finding> {
    if (reading.kind !== "none") return reading;
    // What cannot hold a label is refused for its size; an empty device also confuses blkid.
    if (device.size < LABEL_AREA) return { kind: "blank" };
    const content = await probe(runner, device);
    return content.kind === "blank" ? content : { kind: "foreign", what: content.what };
  }

  async #observation({ role, path, device, finding, keepOff }: Member): Promise<Observation> {
    const built = holdersOf(device);
    return {
      role,
      path,
      size: device.size,
      finding,
      forced: this.#options.force.includes(path),
      readOnly: isReadOnly(device.number),
      holders: built,
      claimed: built.length === 0 && (await isClaimed(device.path)),
      ...(keepOff === undefined ? {} : { keepOff }),
    };
  }
}
