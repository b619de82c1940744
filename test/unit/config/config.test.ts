import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  guessStateDirectory,
  parseConfig,
  readConfig,
  readConfigurationFile,
  socketPath,
  surroundingsOf,
} from "../../../src/config.ts";
import type { ParsedConfig } from "../../../src/config.ts";
import { InvalidRequestError } from "../../../src/core/errors.ts";
import { bytes, GIB, KIB } from "../../../src/core/units.ts";

const surroundings = { nodeName: "node-1", endpoint: "unix:///run/csi.sock" };

const parse = (text: string): ParsedConfig => parseConfig(text, surroundings);

const loopPool = "{name: a, backing: loop, directory: /var/lib/dmthin/a, dataSize: 10GiB}";
const withPool = (line: string): string => `pools: [${loopPool}]\n${line}\n`;
const withKey = (pair: string): string =>
  `pools: [{name: a, backing: loop, directory: /var/lib/dmthin/a, dataSize: 10GiB, ${pair}}]`;
describe("the state directory, told without a valid configuration,", () => {
  test.each([
    ["a key that there is not", "nonsense: 1\nstateDirectory: /run/other\n", "/run/other"],
    ["JSON that breaks off", '{"nodeName": "n", "stateDirectory": "/run//other/", "pools": [{', "/run/other"],
    ["a quote that is not closed", "stateDirectory: '/run/other'\nnodeName: \"n\n", "/run/other"],
    ["another key of such a name", "myStateDirectory: /run/other\n", "/run/dmthin"],
    ["a comment", "# stateDirectory: /run/other\n", "/run/dmthin"],
    ["nothing", "", "/run/dmthin"],
  ])("of a file with %s", async (_what, text, expected) => {
    const directory = await mkdtemp(join(tmpdir(), "dmthin-config-"));
    try {
      await writeFile(join(directory, "config.yaml"), text);
      expect(await guessStateDirectory(join(directory, "config.yaml"))).toBe(expected);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test("of a file that is not there", async () => {
    expect(await guessStateDirectory("/nonexistent/config.yaml")).toBe("/run/dmthin");
  });
});

describe("a good configuration", () => {
  test("needs no more than one pool; the rest has defaults", () => {
    expect(parse(withPool(""))).toEqual({
      kind: "valid",
      config: {
        ...surroundings,
        kubeletDirectory: "/var/lib/kubelet",
        stateDirectory: "/run/dmthin",
        maxVolumes: 0,
        logLevel: "info",
        pools: [
          {
            name: "a",
            backing: "loop",
            directory: "/var/lib/dmthin/a",
            dataSize: bytes(10n * GIB),
            blockSize: bytes(64n * KIB),
            overprovision: 1,
            zeroing: true,
            whenFull: "error",
            discard: true,
            discardOnDelete: false,
            trim: { every: 604_800_000 },
            autoGrow: { at: 80, metadata: true, step: 20 },
            force: [],
          },
        ],
      },
    });
  });

  test("may say everything, and wins over the surroundings", () => {
    const text = `
nodeName: other
endpoint: unix:///csi//csi.sock
kubeletDirectory: /data/kubelet/
stateDirectory: /run/thin
maxVolumes: 110
logLevel: debug
guard: { socket: /run/thin/guard.sock }
metrics: { listen: "[::]:9809" }
clusterUid: 0b5c6a5e-6d1f-4f57-9f9e-1a7f3f0b7c11
defaultPool: fast
pools:
  - name: fast
    backing: parts
    data: /dev/disk/by-id/nvme-data
    metadata: /dev/disk/by-id/nvme-meta
    catalog: /dev/disk/by-id/nvme-catalog
    blockSize: 512KiB
    metadataSize: 1GiB
    overprovision: 2.5
    zeroing: false
    whenFull: queue
    discard: false
    force: [/dev/disk/by-id/nvme-data]
    autoGrow: {at: 90, metadata: false}
`;
    expect(parse(text)).toEqual({
      kind: "valid",
      config: {
        nodeName: "other",
        endpoint: "unix:///csi/csi.sock",
        kubeletDirectory: "/data/kubelet",
        stateDirectory: "/run/thin",
        maxVolumes: 110,
        logLevel: "debug",
        guard: { socket: "/run/thin/guard.sock" },
        metrics: { listen: { host: "::", port: 9809 } },
        clusterUid: "0b5c6a5e-6d1f-4f57-9f9e-1a7f3f0b7c11",
        defaultPool: "fast",
        pools: [
          {
            name: "fast",
            backing: "parts",
            data: "/dev/disk/by-id/nvme-data",
            metadata: "/dev/disk/by-id/nvme-meta",
            catalog: "/dev/disk/by-id/nvme-catalog",
            blockSize: bytes(512n * KIB),
            metadataSize: bytes(GIB),
            overprovision: 2.5,
            zeroing: false,
            whenFull: "queue",
            discard: false,
            discardOnDelete: false,
            trim: { every: 604_800_000 },
            force: ["/dev/disk/by-id/nvme-data"],
            autoGrow: { at: 90, metadata: false },
          },
        ],
      },
    });
  });

  test("may name whole disks", () => {
    const parsed = parse(
      "pools: [{name: a, backing: devices, devices: [/dev/disk/by-id/nvme-1, /dev/disk/by-id//nvme-10, /dev/nvme0n1], force: [/dev/disk/by-id/nvme-10]}]",
    );
    expect(parsed.kind === "valid" && parsed.config.pools[0]).toMatchObject({
      backing: "devices",
      devices: ["/dev/disk/by-id/nvme-1", "/dev/disk/by-id/nvme-10", "/dev/nvme0n1"],
      force: ["/dev/disk/by-id/nvme-10"],
    });
  });

  test.each([
    ["0%", { percent: 0 }],
    ["90%", { percent: 90 }],
    ["20GiB", { bytes: bytes(20n * GIB) }],
    ["0", { bytes: bytes(0) }],
  ])("reserve %s is understood", (text, expected) => {
    const parsed = parse(`pools: [{name: a, backing: devices, devices: [/dev/sda], reserve: ${text}}]`);
    expect(parsed.kind === "valid" && parsed.config.pools[0]).toMatchObject({ reserve: expected });
  });

  test("is frozen through and through", () => {
    const parsed = parse(withPool(""));
    expect(
      parsed.kind === "valid" &&
        [parsed.config, parsed.config.pools, parsed.config.pools[0]].every(Object.isFrozen),
    ).toBe(true);
  });

  test.each([
    ["64KiB", 64n * KIB],
    ["1 GiB", GIB],
    ["131072", 128n * KIB],
    ['"131072"', 128n * KIB],
    ["1Gi", GIB],
  ])("block size %s is understood", (text, expected) => {
    const parsed = parse(withKey(`blockSize: ${text}`));
    expect(parsed.kind === "valid" && parsed.config.pools[0]?.blockSize).toBe(expected);
  });
});

describe("the surroundings", () => {
  test.each([
    [
      { NODE_NAME: "n", CSI_ENDPOINT: "unix:///s" },
      { nodeName: "n", endpoint: "unix:///s" },
    ],
    [{ NODE_NAME: "", CSI_ENDPOINT: "" }, { nodeName: "host" }],
    [{}, { nodeName: "host" }],
  ])("of %j are %j", (environment, expected) => {
    expect(surroundingsOf(environment, "host")).toEqual(expected);
  });

  test("leave an endpoint to be asked for", () => {
    expect(parseConfig(withPool(""), { nodeName: "n" })).toEqual({
      kind: "invalid",
      problems: ["endpoint: is required"],
    });
  });

  test("an endpoint gives its socket's path", () => {
    expect(socketPath("unix:///run/csi.sock")).toBe("/run/csi.sock");
  });
});

describe("the file", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dmthin-config-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("is read and checked", async () => {
    await writeFile(join(directory, "good.yaml"), withPool(""));
    await expect(readConfig(join(directory, "good.yaml"), surroundings)).resolves.toMatchObject({
      nodeName: "node-1",
    });
  });

  test("of the node's own name counts, where it lies beside one called config.yaml", async () => {
    const config = join(directory, "config.yaml");
    await writeFile(config, withKey("overprovision: 1"));
    await writeFile(join(directory, "worker-1.yaml"), withKey("overprovision: 2"));
    const of = async (path: string, node: string | undefined): Promise<string> =>
      (await readConfigurationFile(path, node)).file;
    expect(await of(config, "worker-1")).toBe(join(directory, "worker-1.yaml"));
    expect(await of(config, "worker-2")).toBe(config);
    expect(await of(config, "")).toBe(config);
    expect(await of(config, "../worker-1")).toBe(config);
    const other = join(directory, "other.yaml");
    await writeFile(other, withPool(""));
    expect(await of(other, "worker-1")).toBe(other);
  });

  test("that cannot be read is named", async () => {
    await expect(readConfig(join(directory, "none.yaml"), surroundings)).rejects.toThrow(
      /cannot read .*none\.yaml/,
    );
  });

  test("that is bad gives one error with a line for each problem", async () => {
    await writeFile(join(directory, "bad.yaml"), "pools: []\nx: 1\n");
    const failure = readConfig(join(directory, "bad.yaml"), surroundings);
    await expect(failure).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(failure).rejects.toThrow(
      /bad\.yaml: \n {2}pools: must list at least one pool\n {2}x: is not a key here/,
    );
  });
});
