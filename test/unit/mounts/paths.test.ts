import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { EnvironmentError, InvalidRequestError } from "../../../src/core/errors.ts";
import { KubeletPaths, splitPath } from "../../../src/mounts/paths.ts";

describe("the spelling of a path", () => {
  test.each([
    ["/var/lib/kubelet/x", ["var", "lib", "kubelet", "x"]],
    ["/var/lib/kubelet/x/", ["var", "lib", "kubelet", "x"]],
    ["/a/with blanks/..dots/.hidden", ["a", "with blanks", "..dots", ".hidden"]],
    [`/${"x".repeat(4094)}`, ["x".repeat(4094)]],
  ])("%j is taken apart", (path, components) => {
    expect(splitPath(path, "target_path")).toEqual(components);
  });

  test.each([
    ["", "absolute"],
    ["var/lib", "absolute"],
    ["./x", "absolute"],
    ["/", "empty"],
    ["//x", "empty"],
    ["/a//b", "empty"],
    ["/a/../b", "`..`"],
    ["/a/..", "`..`"],
    ["/a/./b", "`.`"],
    ["/a\nb", "control"],
    ["/a\0b", "control"],
    [`/${"x".repeat(4095)}`, "longer"],
  ])("%j is refused", (path, reason) => {
    expect(() => splitPath(path, "target_path")).toThrow(InvalidRequestError);
    expect(() => splitPath(path, "target_path")).toThrow(new RegExp(`^target_path: .*${reason}`));
  });
});

describe("a path inside kubelet's directory", () => {
  let root: string;
  let kubelet: string;
  let paths: KubeletPaths;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "paths-")));
    kubelet = join(root, "real/kubelet");
    mkdirSync(join(kubelet, "pods/1"), { recursive: true });
    mkdirSync(join(root, "outside"));
    writeFileSync(join(kubelet, "file"), "");
    symlinkSync(join(root, "outside"), join(kubelet, "pods/evil"));
    symlinkSync("1", join(kubelet, "pods/inside"));
    symlinkSync(join(root, "real"), join(root, "link"));
    paths = new KubeletPaths(join(root, "link/kubelet"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test.each([
    ["pods/1", "directory"],
    ["file", "file"],
    ["pods/2", "nothing"],
    ["pods/2/mount", "no-parent"],
  ])("%s is located as %s", async (name, kind) => {
    const located = await paths.locate(join(root, "link/kubelet", name), "target_path");
    expect(located).toEqual({ path: join(kubelet, name), kind });
  });

  test("every spelling that is taken has one name for locks", async () => {
    const place = await paths.place(join(root, "link/kubelet/pods/1"), "target_path");
    const spellings = [
      place,
      `${place}/`,
      join(root, "link/kubelet/pods/1"),
      join(root, "link/kubelet/pods/1/"),
    ];
    expect(new Set(spellings.map((each) => paths.lockName(each))).size).toBe(1);
    expect(paths.lockName(`${place}1`)).not.toBe(paths.lockName(place));
  });

  test("kubelet's own directory may be named with its symlinks or without", async () => {
    const located = await paths.locate(join(kubelet, "pods/1"), "target_path");
    expect(located.path).toBe(join(kubelet, "pods/1"));
  });

  test.each([
    ["a symlink that leads out", "pods/evil"],
    ["a symlink that stays inside", "pods/inside"],
    ["below a symlink", "pods/evil/target"],
    ["below a symlink, not there yet", "pods/inside/a/b"],
    ["below a file", "file/target"],
  ])("%s is refused", async (_what, name) => {
    await expect(paths.locate(join(kubelet, name), "target_path")).rejects.toThrow(InvalidRequestError);
  });

  test.each([
    ["beside it", (): string => join(root, "outside")],
    ["beside it, with the same beginning", (): string => `${kubelet}-other/x`],
    ["the directory itself", (): string => kubelet],
    ["the root of the host", (): string => "/etc"],
  ])("%s is refused", async (_what, path) => {
    await expect(paths.locate(path(), "staging_target_path")).rejects.toThrow(
      /^staging_target_path: must lie in kubelet's directory/,
    );
  });

  test("a directory that does not exist is a fault of the set-up, not of the request", async () => {
    const missing = new KubeletPaths(join(root, "nowhere"));
    await expect(missing.locate(join(root, "nowhere/x"), "target_path")).rejects.toThrow(EnvironmentError);
  });
});
