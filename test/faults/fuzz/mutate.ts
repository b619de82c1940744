/** A request with some things about it changed, by the descriptor of its type: every field of the contract is reached. */
import protobuf from "protobufjs";

import { BAD_MKFS_OPTIONS, BAD_MOUNT_FLAGS } from "../../support/bad-requests.ts";
import type { Random } from "../random.ts";
import type { Message } from "./contract.ts";
import {
  hostileCount,
  hostileEnum,
  hostileSize,
  hostileText,
  MADE_UP,
  privateText,
  type TextSource,
} from "./hostile-values.ts";

/** Maps whose content is nobody's business: no line of the log may hold any of it. */
const PRIVATE_MAPS = new Set(["secrets", "volume_context", "publish_context"]);
const FS_TYPES = ["", "ext4", "xfs", "btrfs", "vfat", "ext4 -F", "../ext4"];
export const GOOD_FLAGS = ["noatime", "nodev", "discard", "commit=5", "nouuid"];

export const GOOD_MKFS_OPTIONS = ["-m 1", "-b 4096", "-i 65536"];

/** One to three changes; in some requests only to what is decided about most: names and options. */
export function mutated(random: Random, type: protobuf.Type, message: Message, source: TextSource): Message {
  const roll = random.between(0, 9);
  if (roll < 2) return { ...message, name: hostileText(random, "name", source) };
  if (roll < 4) return withOptions(random, message);
  if (roll < 6) return { ...message, [random.pick(type.fieldsArray)?.name ?? ""]: undefined };
  let result = message;
  for (let count = random.pick([1, 1, 2, 3]) ?? 1; count > 0; count -= 1)
    result = changed(random, type, result, source);
  return result;
}

/** Options of mkfs and mount, of which most are none that a request may have. */
function withOptions(random: Random, message: Message): Message {
  if (random.chance(0.5)) {
    const mkfsOptions = random.pick([
      ...BAD_MKFS_OPTIONS.map(([, options]) => options),
      ...GOOD_MKFS_OPTIONS,
    ]);
    return { ...message, parameters: { mkfsOptions } };
  }
  const [fs_type, flag] = random.pick(BAD_MOUNT_FLAGS) ?? ["ext4", "loop"];
  const mount_flags = [random.pick([flag, flag, random.pick(GOOD_FLAGS) ?? ""])];
  const volume_capability = { access_mode: { mode: 1 }, mount: { fs_type, mount_flags } };
  return { ...message, volume_capability, volume_capabilities: [volume_capability] };
}

function changed(random: Random, type: protobuf.Type, message: Message, source: TextSource): Message {
  const field = random.pick(type.fieldsArray);
  if (field === undefined) return message;
  if (random.chance(0.15)) return { ...message, [field.name]: undefined };
  return { ...message, [field.name]: valueFor(random, field, message[field.name], source) };
}

function valueFor(random: Random, field: protobuf.Field, before: unknown, source: TextSource): unknown {
  if (field instanceof protobuf.MapField) return mapFor(random, field, source);
  if (!field.repeated) return singleFor(random, field, before, source);
  const list: readonly unknown[] = Array.isArray(before) ? before : [];
  const count = random.pick([0, 1, 1, 2, 3, 40]) ?? 0;
  return Array.from({ length: count }, (_, index) =>
    singleFor(random, field, list[index] ?? list[0], source),
  );
}

function singleFor(random: Random, field: protobuf.Field, before: unknown, source: TextSource): unknown {
  const { resolvedType } = field.resolve();
  if (resolvedType instanceof protobuf.Enum) return hostileEnum(random);
  if (resolvedType instanceof protobuf.Type) {
    const part = typeof before === "object" && before !== null ? (before as Message) : {};
    return changed(random, resolvedType, part, source);
  }
  switch (field.type) {
    case "string":
      return stringFor(random, field.name, before, source);
    case "bool":
      return random.chance(0.5);
    case "int64":
      return hostileSize(random);
    case "int32":
      return hostileCount(random);
    default:
      return undefined;
  }
}

function stringFor(random: Random, name: string, before: unknown, source: TextSource): string {
  if (typeof before === "string" && random.chance(0.3)) return before;
  if (name === "fs_type") return random.pick(FS_TYPES) ?? "";
  if (name === "mount_flags" && random.chance(0.8))
    return random.pick(random.chance(0.5) ? GOOD_FLAGS : BAD_MOUNT_FLAGS.map(([, flag]) => flag)) ?? "";
  return hostileText(random, name, source);
}

function mapFor(random: Random, { name }: protobuf.MapField, source: TextSource): Message {
  const entries = Array.from({ length: random.pick([0, 1, 2, 5, 200]) ?? 0 }, () =>
    PRIVATE_MAPS.has(name) ? [privateText(random), privateText(random)] : parameterFor(random, source),
  );
  return Object.fromEntries(entries) as Message;
}

function parameterFor(random: Random, source: TextSource): readonly [string, string] {
  switch (random.between(0, 5)) {
    case 0:
      return ["pool", hostileText(random, "pool", source)];
    case 1:
      return ["mkfsOptions", random.pick(BAD_MKFS_OPTIONS)?.[1] ?? ""];
    case 2:
      return ["mkfsOptions", random.pick([...GOOD_MKFS_OPTIONS, "-m 1 -F"]) ?? ""];
    case 3:
      return [hostileText(random, "key", source), hostileText(random, "value", source)];
    default:
      return [`csi.storage.k8s.io/${MADE_UP}${random.between(0, 99)}`, privateText(random)];
  }
}
