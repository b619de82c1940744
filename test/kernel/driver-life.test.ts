/** The start and the end of a driver: what it needs, what it refuses, what it leaves as it is. */
import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { createVolumeRequest, mountCapability } from "../support/requests.ts";
import { scratchDirectory } from "../support/scratch.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const POOL = "life";
let scratch: string;
let first: string;
let driver: TestDriver;

const pools = (): readonly RawConfig[] => [loopPool(scratch, POOL, "2GiB")];
const startFirst = (): Promise<TestDriver> => startDriver({ directory: first, pools: pools() });
const small = { capacity_range: { required_bytes: 64 * 2 ** 20 } };

beforeAll(async () => {
  scratch = await mkdtemp(join(scratchDirectory(), "driver-life-"));
  first = join(scratch, "first");
  await mkdir(first);
  driver = await startFirst();
});

afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [scratch]);
  await rm(scratch, { recursive: true });
});

/** Runs `dmthin all` to its end, which is expected to come by itself. */
async function ended(config: RawConfig): Promise<{ readonly code: number; readonly stderr: string }> {
  const path = join(scratch, "other.yaml");
  await writeFile(path, JSON.stringify(config));
  const { promise, resolve } = Promise.withResolvers<{ code: number; stderr: string }>();
  const child = execFile(process.execPath, [MAIN, "all", "--config", path], (_error, _stdout, stderr) =>
    resolve({ code: child.exitCode ?? -1, stderr }),
  );
  return promise;
}

const configOf = (directory: string): RawConfig => ({
  endpoint: `unix://${join(directory, "csi.sock")}`,
  kubeletDirectory: join(directory, "kubelet"),
  stateDirectory: join(directory, "state"),
  pools: pools(),
});

describe("a driver does not start", () => {
  test("with a configuration that has problems, and names them all", async () => {
    const { code, stderr } = await ended({ ...configOf(scratch), colour: "red", maxVolumes: -1 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/colour: /);
    expect(stderr).toMatch(/maxVolumes: /);
  });

  test("on an endpoint that does not end in .sock", async () => {
    const { code, stderr } = await ended({ ...configOf(scratch), endpoint: `unix://${scratch}/csi` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/\.sock/);
    expect(existsSync(`${scratch}/csi`)).toBe(false);
  });

  test("without a tool, and names it with its package", async () => {
    await writeFile(join(scratch, "nothing"), "");
    const tool = await run("which", "thin_check");
    await run("mount", "--bind", join(scratch, "nothing"), tool);
    try {
      const { code, stderr } = await ended(configOf(scratch));
      expect(code).toBe(1);
      expect(stderr).toMatch(/missing tools: thin_check \(Debian package thin-provisioning-tools\)/);
    } finally {
      await run("umount", tool);
    }
  });

  test("on the socket of another, which goes on", async () => {
    const { code, stderr } = await ended({ ...configOf(first), stateDirectory: join(scratch, "elsewhere") });
    expect(code).toBe(1);
    expect(stderr).toMatch(/another process listens at .*csi.sock: is a second dmthin running\?/);
    await expect(driver.client.identity.probe({})).resolves.toEqual({ ready: { value: true } });
  });
});

describe("a second driver on the same pool", () => {
  test.each([
    ["with the same state directory", (): RawConfig => ({ stateDirectory: join(first, "state") })],
    ["with a state directory of its own", (): RawConfig => ({})],
  ])("%s serves nothing of it, and the first goes on", async (_what, more) => {
    const directory = await mkdtemp(join(scratch, "second-"));
    const before = await run("dmsetup", "table");
    const second = await startDriver({ directory, pools: pools(), config: more(), untilListening: true });
    try {
      const refused = { code: status.UNAVAILABLE };
      await expect(second.client.controller.createVolume(createVolumeRequest(small))).rejects.toMatchObject(
        refused,
      );
      await expect
        .poll(() => readFile(second.log, "utf8"), { timeout: 60_000 })
        .toMatch(new RegExp(`pool ${POOL} could not be opened: `));
      await expect(second.client.identity.probe({})).resolves.toEqual({ ready: { value: false } });
      await expect(second.client.controller.createVolume(createVolumeRequest(small))).rejects.toMatchObject(
        refused,
      );
      await expect(second.client.controller.listVolumes({})).rejects.toMatchObject(refused);
    } finally {
      await second.stop();
    }
    expect(await run("dmsetup", "table")).toBe(before);
    const { volume } = await driver.client.controller.createVolume(createVolumeRequest(small));
    await driver.client.controller.deleteVolume({ volume_id: volume?.volume_id ?? "" });
  });
});

describe("the end of a driver", () => {
  test("by SIGTERM lets a call under way end, removes the socket, and leaves devices and mounts alone", async () => {
    const { client, kubeletDirectory } = driver;
    const staging = join(kubeletDirectory, "staging");
    const target = join(kubeletDirectory, "target");
    await mkdir(staging);
    const { volume } = await client.controller.createVolume(createVolumeRequest(small));
    const volume_id = volume?.volume_id ?? "";
    const at = { volume_id, staging_target_path: staging, volume_capability: mountCapability("ext4") };
    const stage = client.node.nodeStageVolume(at);
    // It formats meanwhile: that takes several commands.
    await expect
      .poll(() => readFile(driver.log, "utf8"), { interval: 5 })
      .toMatch(/mkfs.ext4.*-v-|"activate|dmthin-life-v-/);
    const stopped = driver.stop();
    await expect(stage).resolves.toEqual({});
    await expect(stopped).resolves.toBe(0);
    expect(existsSync(join(first, "csi.sock"))).toBe(false);
    expect(await run("findmnt", "--noheadings", "--output", "FSTYPE", staging)).toBe("ext4");
    await writeFile(join(staging, "letter"), "still here");

    driver = await startFirst();
    expect(statSync(join(first, "csi.sock")).mode & 0o777).toBe(0o600);
    await driver.client.node.nodePublishVolume({ ...at, target_path: target });
    expect(await readFile(join(target, "letter"), "utf8")).toBe("still here");
    await driver.client.node.nodeUnpublishVolume({ volume_id, target_path: target });
    await driver.client.node.nodeUnstageVolume({ volume_id, staging_target_path: staging });
    await driver.client.controller.deleteVolume({ volume_id });
  });

  test("by SIGKILL leaves a socket that the next one replaces", async () => {
    await driver.kill();
    expect(existsSync(join(first, "csi.sock"))).toBe(true);
    driver = await startFirst();
    await expect(driver.client.identity.probe({})).resolves.toEqual({ ready: { value: true } });
  });
});
