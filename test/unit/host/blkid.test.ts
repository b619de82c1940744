import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { devNumber } from "../../../src/core/dm.ts";
import { bytes } from "../../../src/core/units.ts";
import { type Content, probe } from "../../../src/host/blkid.ts";
import { fakeRunner, type FakeReply } from "../../support/fake-runner.ts";
import { captured, capturedFailure } from "../../support/fixtures.ts";

const SIZE = 4 * 1024 * 1024;
const NOTHING = capturedFailure("blkid-2.38.1", "nothing");

describe("what a device holds", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "blkid-"));
    path = join(directory, "device");
    const handle = await open(path, "w");
    await handle.truncate(SIZE);
    await handle.close();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const look = (reply: FakeReply, size = SIZE): Promise<Content> =>
    probe(fakeRunner({ [`blkid --probe --output export ${path}`]: reply }), {
      path,
      number: devNumber(7, 0),
      size: bytes(size),
    });

  async function write(position: number): Promise<void> {
    const handle = await open(path, "r+");
    await handle.write(Buffer.from([1]), 0, 1, position);
    await handle.close();
  }

  test.each([
    ["ext4", 'ext4 (filesystem) labelled "some-label"'],
    ["xfs", 'xfs (filesystem) labelled "some-label"'],
    ["btrfs", 'btrfs (filesystem) labelled "some-label"'],
    ["gpt", "a gpt partition table"],
  ])("%s is recognised", async (name, what) => {
    const stdout = captured(`blkid-2.38.1/${name}`);
    expect(await look({ stdout })).toEqual({ kind: "holds", what, recognised: true });
  });

  test.each(["gpt-partition", "dos-partition"])(
    "a %s without content is blank, and not blank with a byte at an end",
    async (name) => {
      const stdout = captured(`blkid-2.41.5/${name}`);
      expect(await look({ stdout })).toEqual({ kind: "blank" });
      await write(SIZE - 1);
      expect(await look({ stdout })).toMatchObject({ kind: "holds", recognised: false });
    },
  );

  test("a partition with a filesystem holds that", async () => {
    const stdout = captured("blkid-2.41.5/dos-partition-ext4");
    expect(await look({ stdout })).toEqual({ kind: "holds", what: "ext4 (filesystem)", recognised: true });
  });

  test("what blkid tells in words that are not known here is content", async () => {
    const stdout = `${captured("blkid-2.41.5/gpt-partition")}SOMETHING=new\n`;
    expect(await look({ stdout })).toMatchObject({ kind: "holds", recognised: true });
  });

  test("several signatures at once are something", async () => {
    expect(await look(capturedFailure("blkid-2.38.1", "ambivalent"))).toMatchObject({
      kind: "holds",
      recognised: true,
    });
  });

  test("no signature and zeroes at both ends are blank", async () => {
    expect(await look(NOTHING)).toEqual({ kind: "blank" });
  });

  test.each([0, 12_345, 1024 * 1024 - 1, SIZE - 1024 * 1024, SIZE - 1])(
    "a byte at %i that nothing recognises is not blank",
    async (position) => {
      await write(position);
      expect(await look(NOTHING)).toEqual({
        kind: "holds",
        what: `unknown data at byte ${position}`,
        recognised: false,
      });
    },
  );

  test("a device smaller than what is looked at is read whole", async () => {
    await write(4095);
    expect(await look(NOTHING, 4096)).toMatchObject({ kind: "holds" });
    expect(await look(NOTHING, 4095)).toEqual({ kind: "blank" });
  });

  test("a device that cannot be read is never blank", async () => {
    await expect(look(NOTHING, 2 * SIZE)).rejects.toThrow("ends at");
    await rm(path);
    await expect(look(NOTHING)).rejects.toMatchObject({ code: "ENOENT" });
    await open(path, "w").then((handle) => handle.close());
  });

  test("a blkid that fails otherwise is an error", async () => {
    await expect(look({ exitCode: 4, stderr: "usage" })).rejects.toMatchObject({ kind: "tool", exitCode: 4 });
  });
});
