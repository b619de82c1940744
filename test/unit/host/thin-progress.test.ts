import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { parseProcessIo, readProcessIo } from "../../../src/host/process-io.ts";
import { withThinProgress, type ThinProgress } from "../../../src/host/thin-progress.ts";
import { fakeRunner } from "../../support/fake-runner.ts";

const IO =
  "rchar: 4148\nwchar: 0\nsyscr: 8\nsyscw: 0\nread_bytes: 12288\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";

describe("the account of a process", () => {
  test("is what went to and from block devices", () => {
    expect(parseProcessIo(IO)).toEqual({ read: 12_288n, written: 4096n });
    expect(parseProcessIo("")).toBeUndefined();
    expect(parseProcessIo("read_bytes: -1\nwrite_bytes: 0\n")).toBeUndefined();
  });

  test("is there for one that lives", () => {
    expect(readProcessIo(process.pid)).toMatchObject({ read: expect.any(BigInt) as bigint });
    expect(readProcessIo(2 ** 30)).toBeUndefined();
  });
});

let directory: string;
let metadata: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "thin-progress-"));
  metadata = join(directory, "metadata");
  const block = Buffer.alloc(4096);
  block.writeBigUInt64LE(27_022_010n, 32);
  block.writeBigUInt64LE(16_384n, 192);
  block.writeBigUInt64LE(300n, 200);
  writeFileSync(metadata, block);
});
afterEach(() => rmSync(directory, { recursive: true }));

async function tellingOf(tool: "thin_check" | "thin_repair" | "blkid", ...args: readonly string[]) {
  const fake = fakeRunner({ [[tool, ...args].join(" ")]: {} });
  const told: ThinProgress[] = [];
  await withThinProgress(fake, (each) => told.push(each))
    .holding([7])
    .run(tool, args, { accept: [0, 1] });
  const [call] = fake.calls;
  call?.options.onRunning?.({ read: 1n, written: 0n } as NonNullable<ThinProgress["io"]>, 3000);
  return { told, call };
}

describe("tools that walk the metadata", () => {
  test("are told of, with what is in use of it; options and descriptors reach the process", async () => {
    const { told, call } = await tellingOf("thin_check", "--metadata-snap", metadata);
    expect(told).toEqual([
      { tool: "thin_check", ms: 3000, io: { read: 1n, written: 0n }, inUse: 300n * 4096n },
    ]);
    expect(call).toMatchObject({ options: { accept: [0, 1] }, fds: [7] });
  });

  test("are told of by what they read, not what they write", async () => {
    const { told } = await tellingOf("thin_repair", "--input", metadata, "--output", join(directory, "none"));
    expect(told).toMatchObject([{ inUse: 300n * 4096n }]);
  });

  test("are told of without it where nothing can be read", async () => {
    const { told } = await tellingOf("thin_check", join(directory, "none"));
    expect(told).toEqual([{ tool: "thin_check", ms: 3000, io: { read: 1n, written: 0n } }]);
  });

  test("and others are not", async () => {
    const { call } = await tellingOf("blkid", metadata);
    expect(call?.options.onRunning).toBeUndefined();
  });
});
