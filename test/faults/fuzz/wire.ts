/** What protobuf's wire format can be made to hold that no encoder writes. */
import type { Random } from "../random.ts";

const varint = (value: number): readonly number[] =>
  value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];

/** A tag of any field number and wire type. */
const tag = (field: number, wireType: number): readonly number[] => varint(field * 8 + wireType);

const at = (random: Random, bytes: Buffer): number => random.between(0, bytes.length);
const inserted = (bytes: Buffer, place: number, more: readonly number[]): Buffer =>
  Buffer.concat([bytes.subarray(0, place), Buffer.from(more), bytes.subarray(place)]);

type Damage = (random: Random, bytes: Buffer) => Buffer;

/** By name, for evidence. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  truncated: (random, bytes) => bytes.subarray(0, at(random, bytes)),
  "a bit flipped": (random, bytes) => {
    const copy = Buffer.from(bytes);
    const place = random.between(0, Math.max(copy.length - 1, 0));
    copy[place] = (copy[place] ?? 0) ^ (1 << random.between(0, 7));
    return copy;
  },
  "some bytes replaced": (random, bytes) =>
    Buffer.from(bytes.map((byte) => (random.chance(0.05) ? random.between(0, 255) : byte))),
  "every field twice": (_random, bytes) => Buffer.concat([bytes, bytes]),
  "unknown fields": (random, bytes) =>
    inserted(bytes, bytes.length, [...tag(random.between(900, 2 ** 28), 2), ...varint(3), 1, 2, 3]),
  "another wire type": (random, bytes) =>
    inserted(bytes, 0, [
      ...tag(random.between(1, 9), random.between(0, 7)),
      ...varint(random.between(0, 300)),
    ]),
  "a length beyond the end": (random, bytes) =>
    inserted(bytes, bytes.length, [...tag(random.between(1, 9), 2), ...varint(2 ** random.between(7, 32))]),
  "a varint without end": (random, bytes) =>
    inserted(bytes, bytes.length, [...tag(random.between(1, 9), 0), ...Array<number>(20).fill(0xff)]),
  "field number 0": (_random, bytes) => inserted(bytes, 0, [0x02, 0x00]),
  "groups in groups": (random, bytes) =>
    inserted(bytes, bytes.length, Array<number>(random.between(1, 20_000)).fill(tag(15, 3)[0] ?? 0)),
  "an end of no group": (random, bytes) => inserted(bytes, bytes.length, tag(random.between(1, 15), 4)),
  "text that is no UTF-8": (_random, bytes) =>
    inserted(bytes, bytes.length, [...tag(1, 2), 5, 0xff, 0xed, 0xa0, 0x80, 0xc0]),
  "nothing but noise": (random) => Buffer.from(Array.from({ length: 64 }, () => random.between(0, 255))),
};

export function damaged(random: Random, bytes: Buffer): { readonly how: string; readonly bytes: Buffer } {
  const [how, damage] = random.pick(Object.entries(DAMAGES)) ?? ["truncated", (_random, same) => same];
  return { how, bytes: damage(random, bytes) };
}
