import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  readFileIfPresent,
  removeFileDurably,
  syncDirectory,
  writeFileDurably,
} from "../../../src/host/files.ts";

describe("durable files", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "files-"));
    path = join(directory, "note.json");
  });
  afterEach(() => rm(directory, { recursive: true }));

  test("a file is replaced whole, readable by its owner only", async () => {
    await writeFileDurably(path, "a long first text");
    await writeFileDurably(path, "short");
    expect(await readFile(path, "utf8")).toBe("short");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["note.json"]);
  });

  test("what a crash left half written is overwritten", async () => {
    await writeFile(`${path}.partial`, "half of something much longer");
    await writeFileDurably(path, "whole");
    expect(await readFile(path, "utf8")).toBe("whole");
  });

  test("a failed write leaves the old text", async () => {
    await writeFileDurably(path, "old");
    await mkdir(`${path}.partial`);
    await expect(writeFileDurably(path, "new")).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  test("removing what is not there is done", async () => {
    await writeFileDurably(path, "text");
    await removeFileDurably(path);
    await removeFileDurably(path);
    expect(await readFileIfPresent(path)).toBeUndefined();
  });

  test("only absence is undefined; a directory is an error", async () => {
    await expect(readFileIfPresent(directory)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(syncDirectory(join(directory, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
