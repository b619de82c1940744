import { mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { devNumberOf } from "../../../src/host/dm-sysfs.ts";
import { Losetup, parseLoopList } from "../../../src/host/losetup.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { captured, capturedFailure } from "../../support/fixtures.ts";

const LIST =
  "losetup --list --json --output NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,DIO,AUTOCLEAR,OFFSET,SIZELIMIT";

describe("losetup's list", () => {
  test("names devices, files and inodes", () => {
    const loops = parseLoopList(captured("losetup-2.41.5/list-two"));
    expect(
      loops.map(({ path, backFile, directIo, autoclear }) => ({ path, backFile, directIo, autoclear })),
    ).toEqual([
      { path: "/dev/loop1", backFile: "/srv/pool/data.img", directIo: true, autoclear: false },
      { path: "/dev/loop0", backFile: "/srv/pool/metadata.img", directIo: true, autoclear: false },
    ]);
    expect(loops[0]).toMatchObject({ device: "98:16", offset: 0n, sizeLimit: 0n });
    expect(loops[0]?.inode).not.toBe(loops[1]?.inode);
  });

  test("a removed file keeps its inode", () => {
    const [before, after] = ["list-two", "list-deleted"].map((name) =>
      parseLoopList(captured(`losetup-2.41.5/${name}`)).find((loop) => loop.path === "/dev/loop0"),
    );
    expect(after).toEqual({ ...before, backFile: "/srv/pool/metadata.img (deleted)" });
  });

  test("none is an empty list, with and without output", () => {
    expect(parseLoopList(captured("losetup-2.41.5/list-none"))).toEqual([]);
    expect(parseLoopList("")).toEqual([]);
  });

  test.each(["{}", "not json", '{"loopdevices":[{"name":"/dev/sda"}]}'])("%s is refused", (text) => {
    expect(() => parseLoopList(text)).toThrow("losetup list");
  });
});

describe("finding a loop device", () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "losetup-"));
    file = join(directory, "data.img");
    await writeFile(file, "x");
  });
  afterEach(() => rm(directory, { recursive: true }));

  function listing(backFile: string, inode: bigint, device: string): string {
    const loop = {
      name: "/dev/loop7",
      "back-file": backFile,
      "back-ino": Number(inode),
      "back-maj:min": device,
    };
    return JSON.stringify({
      loopdevices: [{ ...loop, dio: true, autoclear: false, offset: 0, sizelimit: 0 }],
    });
  }
  async function found(stdout: string): Promise<readonly string[]> {
    return (await new Losetup(fakeRunner({ [LIST]: { stdout } })).find(file)).map((loop) => loop.path);
  }

  test("goes by device and inode, not by path", async () => {
    const { dev, ino } = await stat(file, { bigint: true });
    const old = `${file}.old`;
    await rename(file, old);
    await writeFile(file, "another file of that name");
    expect(await found(listing(file, ino, devNumberOf(dev)))).toEqual([]);
    await rename(old, file);
    expect(await found(listing("/elsewhere", ino, devNumberOf(dev)))).toEqual(["/dev/loop7"]);
  });

  test("the same inode of another filesystem is another file", async () => {
    const { ino } = await stat(file, { bigint: true });
    expect(await found(listing("/elsewhere", ino, "1:2"))).toEqual([]);
  });

  test("where the filesystem hides its device number the path decides", async () => {
    const { ino } = await stat(file, { bigint: true });
    expect(await found(listing(file, ino, "0:99"))).toEqual(["/dev/loop7"]);
  });
});

describe("attaching and detaching", () => {
  const attach = "losetup --find --show --direct-io=on /srv/data.img";

  test("a filesystem that refuses direct I/O is named, with the cure", async () => {
    const stderr = "losetup: /srv/data.img: failed to set up loop device: Invalid argument\n";
    const losetup = new Losetup(fakeRunner({ [attach]: { exitCode: 1, stderr } }));
    await expect(losetup.attach("/srv/data.img")).rejects.toMatchObject({
      kind: "pool-setup",
      message: expect.stringContaining("ext4 or xfs") as string,
    });
  });

  test("any other failure stays what it is", async () => {
    const losetup = new Losetup(
      fakeRunner({ [attach]: capturedFailure("losetup-2.41.5", "attach-missing") }),
    );
    await expect(losetup.attach("/srv/data.img")).rejects.toMatchObject({ kind: "tool", errno: "ENOENT" });
  });

  test("what is not attached needs no detaching", async () => {
    const runner = fakeRunner({});
    await new Losetup(runner).detach("/dev/loop9999");
    expect(runner.commands).toEqual([]);
  });
});
