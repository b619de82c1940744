/** Bad requests to the Node service of a running driver, above all paths that lead elsewhere. */
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodePublishVolumeRequest, NodeStageVolumeRequest } from "../../src/generated/csi.ts";
import { BAD_MOUNT_FLAGS, expectAnswerOnly, ofManyNodes } from "../support/bad-requests.ts";
import type { MachineState } from "../support/machine-state.ts";
import { expectCode, NodeBench } from "../support/node-bench.ts";
import { blockCapability, idOf, mountCapability } from "../support/requests.ts";
import type { TestVolume } from "../support/volume-life.ts";

let bench: NodeBench;
/** Staged and published. */
let used: TestVolume;
/** Created, never staged. */
let fresh: TestVolume;
let outside: string;
let before: MachineState;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "hostile-path", dataSize: "4GiB" });
  used = await bench.life.create("used", "ext4");
  await bench.life.use(used);
  fresh = await bench.life.create("fresh", "ext4");
  await mkdir(fresh.stagingPath, { recursive: true });
  // What a user with a volume could prepare: links out of kubelet's directory, files in the place of directories.
  outside = `${bench.kubeletDirectory}-outside`;
  await mkdir(`${outside}/deep`, { recursive: true });
  await symlink(outside, `${bench.kubeletDirectory}/link`);
  await symlink(fresh.stagingPath, `${bench.kubeletDirectory}/inner-link`);
  await symlink("nowhere", `${bench.kubeletDirectory}/dangling`);
  await writeFile(`${bench.kubeletDirectory}/file`, "not empty");
  await symlink(outside, `${used.targetPath}/planted`);
  before = await bench.state();
});
afterAll(async () => {
  await rm(outside, { recursive: true, force: true });
  await bench.stop();
});

async function expectNothingChanged(): Promise<void> {
  expect(await bench.state()).toEqual(before);
  expect(await readdir(outside, { recursive: true })).toEqual(["deep"]);
}

/** Relative to kubelet's directory where they start with `./`. */
const PATHS: readonly [string, string, RegExp][] = [
  ["that is empty", "", /: is required$/],
  ["that is relative", "kubelet/pods/x", /: must be an absolute path$/],
  ["with a scheme", "file:///tmp/x", /: must be an absolute path$/],
  ["with ..", "./pods/../../x", /: must not hold empty components, `.` or `..`$/],
  ["that ends in ..", "./pods/..", /: must not hold empty components, `.` or `..`$/],
  ["with an empty component", "./pods//x", /: must not hold empty components/],
  ["with a dot", "./pods/./x", /: must not hold empty components/],
  ["with a newline", "./pods/x\ny", /: holds a control character$/],
  ["with a NUL", "./pods/x\0y", /: .* is no path: too long, or with a NUL$/],
  ["of 4096 bytes", `./${"x".repeat(4096)}`, /: .* is no path: too long, or with a NUL$/],
  ["outside kubelet's directory", "/tmp/x", /: must lie in kubelet's directory, \/run\/.*kubelet$/],
  ["that is /", "/", /: must not hold empty components/],
  ["in a sibling of the same beginning", ".-outside/deep", /: must lie in kubelet's directory/],
  ["that is kubelet's directory itself", ".", /: must lie in kubelet's directory/],
  ["through a symlink out", "./link/deep", /: goes through a symbolic link$/],
  ["that is a symlink out", "./link", /: goes through a symbolic link$/],
  ["that is a symlink inside", "./inner-link", /: goes through a symbolic link$/],
  ["that is a dangling symlink", "./dangling", /: goes through a symbolic link$/],
  ["through a file", "./file/x", /: file in it is not a directory$/],
];

const placed = (path: string): string =>
  path.startsWith(".") ? `${bench.kubeletDirectory}${path.slice(1)}` : path;

const stage = (changes: NodeStageVolumeRequest = {}) =>
  bench.csi.node.nodeStageVolume({
    volume_id: fresh.id,
    staging_target_path: fresh.stagingPath,
    volume_capability: mountCapability("ext4"),
    ...changes,
  });
const publish = (changes: NodePublishVolumeRequest = {}) =>
  bench.csi.node.nodePublishVolume({
    volume_id: used.id,
    staging_target_path: used.stagingPath,
    target_path: `${bench.kubeletDirectory}/pods/new`,
    volume_capability: { ...mountCapability("ext4"), access_mode: { mode: "SINGLE_NODE_MULTI_WRITER" } },
    ...changes,
  });

describe("a path", () => {
  afterAll(expectNothingChanged);

  test.each(PATHS)("%s is refused by every call that takes one", async (_what, text, problem) => {
    const { node } = bench.csi;
    const path = placed(text);
    const named = (field: string): RegExp => new RegExp(`^${field}${problem.source}`);
    for (const [field, call] of [
      ["staging_target_path", () => stage({ staging_target_path: path })],
      ["target_path", () => publish({ target_path: path })],
      ["target_path", () => node.nodeUnpublishVolume({ volume_id: used.id, target_path: path })],
    ] as const)
      await expectAnswerOnly(bench, call, "INVALID_ARGUMENT", named(field));
  });

  test.each(PATHS.filter(([, , problem]) => !/symbolic|file/.test(problem.source)))(
    "%s is neither unstaged, nor grown, nor measured",
    async (_what, text) => {
      const { node } = bench.csi;
      const path = placed(text);
      const at = { volume_id: used.id, volume_path: path };
      const unstage = () => node.nodeUnstageVolume({ volume_id: used.id, staging_target_path: path });
      await expectAnswerOnly(bench, unstage, "INVALID_ARGUMENT", /^staging_target_path: /);
      await expectAnswerOnly(bench, () => node.nodeExpandVolume(at), "INVALID_ARGUMENT", /^volume_path: /);
      const measured = /is required|too long/.test(problemOf(text)) ? "INVALID_ARGUMENT" : "NOT_FOUND";
      await expectAnswerOnly(bench, () => node.nodeGetVolumeStats(at), measured, /volume_path: /);
    },
  );

  test.each([
    ["inside a volume, through a link its user planted", () => `${used.targetPath}/planted/deep`],
    ["inside a volume, where a link is planted", () => `${used.targetPath}/planted`],
  ])("%s is not followed", async (_what, path) => {
    const message = /^(staging_)?target_path: goes through a symbolic link$/;
    await expectAnswerOnly(bench, () => stage({ staging_target_path: path() }), "INVALID_ARGUMENT", message);
    await expectAnswerOnly(bench, () => publish({ target_path: path() }), "INVALID_ARGUMENT", message);
  });

  test.each([
    [
      "staging where nothing is",
      () => stage({ staging_target_path: placed("./none") }),
      /^staging_target_path: must be a directory that exists/,
    ],
    [
      "staging on a file",
      () => stage({ staging_target_path: placed("./file") }),
      /^staging_target_path: must be a directory that exists/,
    ],
    [
      "a target without a parent",
      () => publish({ target_path: placed("./a/b/c") }),
      /^target_path: its parent directory does not exist/,
    ],
    [
      "a target that is the staging path",
      () => publish({ target_path: used.stagingPath }),
      /^target_path: .* must not contain each other/,
    ],
    [
      "a target inside the volume",
      () => publish({ target_path: `${used.stagingPath}/x` }),
      /^target_path: .* must not contain each other/,
    ],
  ] as const)("is refused: %s", async (_what, call, message) => {
    await expectAnswerOnly(bench, call, "INVALID_ARGUMENT", message);
  });

  test.each([
    [
      "a target that is a file with content",
      () => publish({ target_path: placed("./file") }),
      /kubelet\/file exists and is not a directory: remove it/,
    ],
    [
      "a staging path that is another's",
      () => publish({ staging_target_path: fresh.stagingPath }),
      /is not staged at .*: call NodeStageVolume first/,
    ],
    [
      "no staging path",
      () => publish({ staging_target_path: "" }),
      /^staging_target_path: is missing; the volume must be staged first/,
    ],
    [
      "a file that is no target of ours, to be removed",
      () => bench.csi.node.nodeUnpublishVolume({ volume_id: used.id, target_path: placed("./file") }),
      /file is neither an empty directory nor an empty file: it is left alone/,
    ],
    [
      "the staging path, to be unpublished",
      () => bench.csi.node.nodeUnpublishVolume({ volume_id: used.id, target_path: used.stagingPath }),
      /is staged, not where it is published/,
    ],
    [
      "a published volume, to be unstaged",
      () => bench.csi.node.nodeUnstageVolume({ volume_id: used.id, staging_target_path: used.stagingPath }),
      /still published at .*: unpublish it first/,
    ],
    [
      "another volume's mount, to be unpublished",
      () => bench.csi.node.nodeUnpublishVolume({ volume_id: fresh.id, target_path: used.targetPath }),
      /is not volume v-.*; it is left alone/,
    ],
  ] as const)("is refused as it is now: %s", async (_what, call, message) => {
    await expectAnswerOnly(bench, call, "FAILED_PRECONDITION", message);
  });
});

function problemOf(text: string): string {
  return PATHS.find(([, each]) => each === text)?.[2].source ?? "";
}

describe("a call of the node", () => {
  afterAll(expectNothingChanged);

  const calls = (volume_id: string) => {
    const { node } = bench.csi;
    const [staging_target_path, target_path] = [fresh.stagingPath, placed("./pods/new")];
    return [
      ["stage", () => stage({ volume_id })],
      ["publish", () => publish({ volume_id })],
      ["unstage", () => node.nodeUnstageVolume({ volume_id, staging_target_path })],
      ["unpublish", () => node.nodeUnpublishVolume({ volume_id, target_path })],
      ["expand", () => node.nodeExpandVolume({ volume_id, volume_path: target_path })],
      ["stats", () => node.nodeGetVolumeStats({ volume_id, volume_path: target_path })],
    ] as const;
  };

  test.each([
    ["no volume", "", "INVALID_ARGUMENT", /^volume_id: is required$/],
    ["129 bytes", "v".repeat(129), "INVALID_ARGUMENT", /^volume_id: .* is longer than 128 bytes$/],
    ["a volume of no form of ours", "../../etc", "NOT_FOUND", /^volume "..\/..\/etc" does not exist$/],
    ["a snapshot", idOf("s", "f"), "NOT_FOUND", /^volume "s-f+.* does not exist$/],
  ] as const)("for %s is refused", async (_what, id, code, message) => {
    for (const [, call] of calls(id)) await expectAnswerOnly(bench, call, code, message);
  });

  test("for a volume of another pool is for later, but unpublish and unstage end", async () => {
    for (const [name, call] of calls(idOf("v", "f"))) {
      if (name === "unpublish" || name === "unstage") await expectAnswerOnly(bench, call, "OK", /^\{\}$/);
      else await expectAnswerOnly(bench, call, "UNAVAILABLE", /^v-f+.*: its pool is not open on this node/);
    }
  });

  test.each([
    [
      "many writers",
      { volume_capability: ofManyNodes("MULTI_NODE_MULTI_WRITER") },
      "FAILED_PRECONDITION",
      /access_mode: MULTI_NODE_MULTI_WRITER is not supported/,
    ],
    ["no capability", { volume_capability: null }, "INVALID_ARGUMENT", /^volume_capability: is required/],
    [
      "no access mode",
      { volume_capability: { mount: {} } },
      "INVALID_ARGUMENT",
      /^volume_capability\.access_mode: is required/,
    ],
    [
      "an unknown filesystem",
      { volume_capability: mountCapability("vfat") },
      "INVALID_ARGUMENT",
      /^volume_capability\.mount\.fs_type: "vfat" is not one of/,
    ],
    [
      "another filesystem than it was made for",
      { volume_capability: mountCapability("xfs") },
      "FAILED_PRECONDITION",
      /holds ext4, xfs was asked for: correct fsType/,
    ],
    [
      "a block device of a mount",
      { volume_capability: blockCapability },
      "FAILED_PRECONDITION",
      /was created for access type mount, not block: correct volumeMode/,
    ],
    [
      "a context of 5 KiB",
      { volume_context: { x: "y".repeat(5000) } },
      "INVALID_ARGUMENT",
      /^volume_context: is 5001 bytes/,
    ],
  ] as const)("to stage with %s is refused", async (_what, changes, code, message) => {
    await expectAnswerOnly(bench, () => stage(changes), code, message);
  });

  test.each(BAD_MOUNT_FLAGS)("to stage %s with %j is refused", async (fsType, flag) => {
    const call = () => stage({ volume_capability: mountCapability(fsType, [flag]) });
    const message =
      /^volume_capability\.mount\.mount_flags: ".*" is not (among the flags allowed for|a flag here: ask)/;
    await expectAnswerOnly(bench, call, "INVALID_ARGUMENT", message);
  });

  test("to grow beyond the record is refused", async () => {
    const grow = bench.csi.node.nodeExpandVolume({
      volume_id: used.id,
      volume_path: used.targetPath,
      capacity_range: { required_bytes: "9007199254740993" },
    });
    await expectCode(
      grow,
      "OUT_OF_RANGE",
      /9007199254740993 are required: call ControllerExpandVolume first/,
    );
  });
});
