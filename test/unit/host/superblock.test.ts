import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { PoolUnavailableError } from "../../../src/core/errors.ts";
import { GIB, MIB } from "../../../src/core/units.ts";
import { judgeHead, PROBED_BYTES, readSuperblock } from "../../../src/host/superblock.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { deviceHead, odOutput } from "../../support/superblocks.ts";

const EXT4 = "e2fsprogs-1.47.0/ext4-64m";
const XFS = "xfsprogs-6.1.0/xfs-300m";
const BTRFS = "btrfs-progs-6.2/btrfs-200m";
const UNKNOWN = { kind: "unknown" };

function changed(name: string, offset: number, byte: number): Uint8Array {
  const head = deviceHead(name);
  head[offset] = byte;
  return head;
}

describe("superblocks written by the real tools", () => {
  test.each([
    [EXT4, { fsType: "ext4", size: 64n * MIB, uuid: "11111111222233334444555555555555", label: "data" }],
    [XFS, { fsType: "xfs", size: 300n * MIB, uuid: "21111111222233334444555555555555", label: "vol" }],
    [BTRFS, { fsType: "btrfs", size: 200n * MIB, uuid: "31111111222233334444555555555555", label: "brain" }],
  ])("%s is known, with its size, uuid and label", (name, facts) => {
    expect(judgeHead(deviceHead(name))).toEqual({ kind: "filesystem", dirtyLog: false, ...facts });
  });

  test("an ext4 of more blocks than 32 bits count has its full size, and no label", () => {
    expect(judgeHead(deviceHead("e2fsprogs-1.47.0/ext4-18t"))).toEqual({
      kind: "filesystem",
      fsType: "ext4",
      size: 18n * 1024n * GIB,
      uuid: "11111111222233334444555555555556",
      dirtyLog: false,
    });
  });

  test("a btrfs that was cut off in the middle of its work has a dirty log", () => {
    expect(judgeHead(deviceHead("btrfs-progs-6.2/btrfs-dirty-log"))).toMatchObject({
      fsType: "btrfs",
      dirtyLog: true,
    });
  });
});

describe("what is none of the three", () => {
  test.each([
    ["ext2", deviceHead("e2fsprogs-1.47.0/ext2-64m")],
    ["ext4 and btrfs at once", deviceHead(EXT4, BTRFS)],
    ["xfs and ext4 at once", deviceHead(XFS, EXT4)],
    ["an xfs whose mkfs has not ended", changed(XFS, 126, 1)],
    ["an ext4 with an impossible block size", changed(EXT4, 1024 + 0x18, 7)],
    ["a single byte that is not zero", changed(BTRFS, 0x10040, 0)],
    ["a damaged magic of xfs", changed(XFS, 0, 0)],
    ["a damaged magic of ext4", changed(EXT4, 1024 + 0x38, 0)],
    ["nothing at all, not even zeros", new Uint8Array()],
  ])("%s is unknown", (_what, head) => {
    expect(judgeHead(head)).toEqual(UNKNOWN);
  });

  test("zeros are blank", () => {
    expect(judgeHead(new Uint8Array(PROBED_BYTES))).toEqual({ kind: "blank" });
  });

  test("one byte anywhere in the probed range makes a blank device unknown", () => {
    fc.assert(
      fc.property(fc.nat(PROBED_BYTES - 1), fc.integer({ min: 1, max: 255 }), (offset, byte) => {
        const head = new Uint8Array(PROBED_BYTES);
        head[offset] = byte;
        expect(judgeHead(head)).toEqual(UNKNOWN);
      }),
    );
  });

  test("a head of any length and content is judged without an error, and only zeros are blank", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (head) => {
        const blank = head.length > 0 && head.every((byte) => byte === 0);
        expect(judgeHead(head).kind === "blank").toBe(blank);
      }),
    );
  });
});

describe("reading it", () => {
  const COMMAND = `od -An -v -tx8 --endian=big -w64 -N${PROBED_BYTES} /dev/dm-3`;

  test("the output of od is the head of the device", async () => {
    const runner = fakeRunner({ [COMMAND]: { stdout: odOutput(deviceHead(BTRFS)) } });
    await expect(readSuperblock(runner, "/dev/dm-3")).resolves.toEqual(judgeHead(deviceHead(BTRFS)));
    expect(runner.calls[0]?.options.timeoutMs).toBeGreaterThan(0);
  });

  test.each([
    ["an I/O error", { stderr: "od: /dev/dm-3: read error: Input/output error\n", exitCode: 1 }],
    ["an I/O error after zeros", { stdout: " 00 00\n", stderr: "od: read error\n", exitCode: 1 }],
    ["no answer in time", { stderr: "no answer within 30000 ms", spawnErrno: "ETIMEDOUT" }],
  ])("%s is an error and never blank", async (_what, reply) => {
    const failing = { exitCode: undefined, ...reply };
    const result = readSuperblock(fakeRunner({ [COMMAND]: failing }), "/dev/dm-3");
    await expect(result).rejects.toThrow(PoolUnavailableError);
    await expect(result).rejects.toThrow(/\/dev\/dm-3 cannot be read/);
  });
});
