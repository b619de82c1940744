import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config.ts";

function problems(text: string): readonly string[] {
  const parsed = parseConfig(text, { nodeName: "node-1", endpoint: "unix:///run/csi.sock" });
  return parsed.kind === "invalid" ? parsed.problems : [];
}

const loopPool = "{name: a, backing: loop, directory: /var/lib/dmthin/a, dataSize: 10GiB}";
const withPool = (line: string): string => `pools: [${loopPool}]\n${line}\n`;
const withKey = (pair: string): string =>
  `pools: [{name: a, backing: loop, directory: /var/lib/dmthin/a, dataSize: 10GiB, ${pair}}]`;
const partsPool = (pairs: string): string => `pools: [{name: a, backing: parts, ${pairs}}]`;

const devicesPool = (pairs: string): string => `pools: [{name: a, backing: devices, ${pairs}}]`;

const BAD: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
  ["an empty file", "", ["pools: is required"]],
  ["a list at the top", "- a", ["configuration: must be a mapping"]],
  ["no pool", "pools: []", ["pools: must list at least one pool"]],
  [
    "sixty-five pools",
    `pools: [${Array.from({ length: 65 }, (_, index) => `{name: p${index}, backing: loop, directory: /p${index}, dataSize: 1GiB}`).join()}]`,
    ["pools: must list at most 64 pools"],
  ],
  ["pools that are not a list", "pools: 3", ["pools: must be a list"]],
  ["a pool that is not a mapping", "pools: [7]", ["pools[0]: must be a mapping"]],
  ["a key without a value", withPool("nodeName:"), ["nodeName: must be text"]],
  [
    "an unknown log level",
    withPool("logLevel: loud"),
    ["logLevel: must be one of trace, debug, info, warn, error, fatal, silent"],
  ],
  [
    "a blank in the node's name",
    withPool("nodeName: a b"),
    ["nodeName: must not contain blanks or control characters"],
  ],
  [
    "a negative limit of volumes",
    withPool("maxVolumes: -1"),
    ["maxVolumes: must be a whole number, 0 for no limit"],
  ],
  ["half a volume", withPool("maxVolumes: 0.5"), ["maxVolumes: must be a whole number, 0 for no limit"]],
  [
    "a TCP endpoint",
    withPool("endpoint: tcp://[::]:1"),
    ["endpoint: must be unix:// and an absolute path, such as unix:///run/csi.sock"],
  ],
  [
    "a relative endpoint",
    withPool("endpoint: unix://csi.sock"),
    ["endpoint: must be unix:// and an absolute path, such as unix:///run/csi.sock"],
  ],
  [
    "an endpoint that CSI would refuse",
    withPool("endpoint: unix:///run/csi"),
    ["endpoint: must end in .sock, as CSI demands"],
  ],
  [
    "an endpoint too long for a socket",
    withPool(`endpoint: unix:///${"x".repeat(103)}.sock`),
    ["endpoint: must be at most 107 bytes, the limit of a unix socket's path"],
  ],
  [
    "a relative directory",
    withPool("stateDirectory: run"),
    ["stateDirectory: must be an absolute path below /"],
  ],
  [
    "the root as a directory",
    withPool("kubeletDirectory: /./"),
    ["kubeletDirectory: must be an absolute path below /"],
  ],
  ["a way up", withPool("kubeletDirectory: /var/../etc"), ["kubeletDirectory: must not contain .."]],
  [
    "a newline in a path",
    withPool('stateDirectory: "/run/a\\nb"'),
    ["stateDirectory: must not contain control characters"],
  ],
  ["metrics without an address", withPool("metrics: {}"), ["metrics.listen: is required"]],
  ...[
    "9809",
    ":9809",
    "localhost:9809",
    "127.0.0.1",
    "127.0.0.1:0",
    "1.2.3.4:70000",
    "1.2.3:80",
    "::1:80",
    "[1.2.3.4]:80",
  ].map(
    (address) =>
      [
        `metrics at ${address}`,
        withPool(`metrics: {listen: "${address}"}`),
        ["metrics.listen: must be an IP address and a port, such as 127.0.0.1:9809 or [::1]:9809"],
      ] as const,
  ),
  [
    "an unknown key of the metrics",
    withPool('metrics: {listen: "127.0.0.1:9809", path: /m}'),
    ["metrics.path: is not a key here; keys are listen"],
  ],
  ["a guard without a socket", withPool("guard: {}"), ["guard.socket: is required"]],
  [
    "an unknown key of the guard",
    withPool("guard: {socket: /g, port: 1}"),
    ["guard.port: is not a key here; keys are socket"],
  ],
  ["a default pool that is not there", withPool("defaultPool: b"), ["defaultPool: no pool is named b"]],
  [
    "an unknown backing",
    "pools: [{name: a, backing: lvm}]",
    ["pools[0].backing: must be loop, parts or devices"],
  ],
  ["no backing", "pools: [{name: a}]", ["pools[0].backing: is required: loop, parts or devices"]],
  ["an empty list of disks", devicesPool("devices: []"), ["pools[0].devices: must name at least one disk"]],
  [
    "seventeen disks",
    devicesPool(`devices: [${Array.from({ length: 17 }, (_, index) => `/dev/d${index}x`).join()}]`),
    ["pools[0].devices: must name at most 16 disks"],
  ],
  [
    "a disk by a relative path",
    devicesPool("devices: [sda]"),
    ["pools[0].devices[0]: must be an absolute path below /"],
  ],
  [
    "a size where the disks decide",
    devicesPool("devices: [/dev/sda], dataSize: 1GiB"),
    [
      "pools[0].dataSize: is not a key here; keys are backing, name, blockSize, metadataSize, overprovision, zeroing, whenFull, discard, discardOnDelete, trim, devices, select, autoGrow, reserve, force",
    ],
  ],
  ...["91%", "-1%", "1.5%", "1000", "much", "true"].map(
    (reserve) =>
      [
        `a reserve of ${reserve}`,
        devicesPool(`devices: [/dev/sda], reserve: ${reserve}`),
        ["pools[0].reserve: must be at most 90%, such as 10%, or a size of whole MiB, such as 20GiB"],
      ] as const,
  ),
  [
    "a disk named twice",
    devicesPool("devices: [/dev/sda, /dev/./sda]"),
    ["pools[0].devices[1]: /dev/sda is already used as pools[0].devices[0]"],
  ],
  [
    "a disk of two pools",
    "pools: [{name: a, backing: devices, devices: [/dev/sda, /dev/sdb]}, {name: b, backing: devices, devices: [/dev/sdb]}]",
    ["pools[1].devices[0]: /dev/sdb is already used as pools[0].devices[1]"],
  ],
  [
    "a partition of another pool's disk",
    "pools: [{name: a, backing: devices, devices: [/dev/disk/by-id/x, /dev/sda, /dev/nvme0n1]}, {name: b, backing: parts, data: /dev/disk/by-id/x-part2, metadata: /dev/sda1, catalog: /dev/nvme0n1p3}]",
    [
      "pools[1].data: /dev/disk/by-id/x-part2 is a partition of pools[0].devices[0]",
      "pools[1].metadata: /dev/sda1 is a partition of pools[0].devices[1]",
      "pools[1].catalog: /dev/nvme0n1p3 is a partition of pools[0].devices[2]",
    ],
  ],
  [
    "force on a disk of nobody",
    devicesPool("devices: [/dev/sda], force: [/dev/sdb]"),
    ["pools[0].force[0]: /dev/sdb is not a device of this pool"],
  ],
  [
    "capitals in a pool's name",
    "pools: [{name: A, backing: loop, directory: /a, dataSize: 1GiB}]",
    ["pools[0].name: must be 1 to 32 characters of a-z, 0-9 and -, with no - at either end"],
  ],
  [
    "a pool's name of 33 characters",
    `pools: [{name: ${"a".repeat(33)}, backing: loop, directory: /a, dataSize: 1GiB}]`,
    ["pools[0].name: must be 1 to 32 characters of a-z, 0-9 and -, with no - at either end"],
  ],
  [
    "a block size that is no step of 64 KiB",
    withKey("blockSize: 96KiB"),
    ["pools[0].blockSize: must be a multiple of 64 KiB"],
  ],
  ["a block size too small", withKey("blockSize: 4KiB"), ["pools[0].blockSize: must be at least 64 KiB"]],
  ["a block size too large", withKey("blockSize: 2GiB"), ["pools[0].blockSize: must be at most 1 GiB"]],
  [
    "a size that is none",
    withKey("metadataSize: big"),
    ["pools[0].metadataSize: must be a size such as 64KiB, 512MiB or 100GiB"],
  ],
  [
    "a negative size",
    withKey("metadataSize: -1"),
    ["pools[0].metadataSize: must be a size such as 64KiB, 512MiB or 100GiB"],
  ],
  [
    "a size of nothing",
    withKey("metadataSize: null"),
    ["pools[0].metadataSize: must be a size such as 64KiB, 512MiB or 100GiB"],
  ],
  [
    "metadata beyond the kernel's limit",
    withKey("metadataSize: 16GiB"),
    ["pools[0].metadataSize: must be at most 15.8 GiB"],
  ],
  [
    "an overprovision of nothing",
    withKey("overprovision: 0"),
    ["pools[0].overprovision: must be above 0 and at most 1000"],
  ],
  [
    "an overprovision without end",
    withKey("overprovision: .inf"),
    ["pools[0].overprovision: must be a number"],
  ],
  ["text for a switch", withKey("zeroing: maybe"), ["pools[0].zeroing: must be true or false"]],
  [
    "an unknown behaviour when full",
    withKey("whenFull: wait"),
    ["pools[0].whenFull: must be one of error, queue"],
  ],
  [
    "force on a file that a loop pool does not have",
    withKey("force: [disk.img]"),
    ["pools[0].force[0]: must be one of metadata.img, data.img, spare.img, catalog.img"],
  ],
  [
    "a key of parts in a loop pool",
    withKey("data: /dev/sdb"),
    [
      "pools[0].data: is not a key here; keys are backing, name, blockSize, metadataSize, overprovision, zeroing, whenFull, discard, discardOnDelete, trim, directory, dataSize, autoGrow, force",
    ],
  ],
  ["parts without metadata", partsPool("data: /dev/b"), ["pools[0].metadata: is required"]],
  [
    "one device for data and metadata",
    partsPool("data: /dev/b, metadata: /dev//b/"),
    ["pools[0].metadata: /dev/b is already used as pools[0].data"],
  ],
  [
    "force on a device of nobody",
    partsPool("data: /dev/b, metadata: /dev/c, force: [/dev/d]"),
    ["pools[0].force[0]: /dev/d is not a device of this pool"],
  ],
  [
    "two pools of one name",
    `pools: [${loopPool}, {name: a, backing: loop, directory: /b, dataSize: 1GiB}]`,
    ["pools[1].name: a is the name of pools[0] too"],
  ],
  [
    "two pools in one directory",
    `pools: [${loopPool}, {name: b, backing: loop, directory: /var/lib/dmthin/./a/, dataSize: 1GiB}]`,
    ["pools[1].directory: /var/lib/dmthin/a is already used as pools[0].directory"],
  ],
  [
    "two pools on one device",
    "pools: [{name: a, backing: parts, data: /dev/b, metadata: /dev/c}, {name: b, backing: parts, data: /dev/d, metadata: /dev/e, catalog: /dev/b}]",
    ["pools[1].catalog: /dev/b is already used as pools[0].data"],
  ],
  ["a key given twice", withPool("logLevel: info\nlogLevel: warn"), ["line 3: Map keys must be unique"]],
  [
    "text that is not YAML",
    "pools: [",
    ["line 1: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ],
  ["an unknown tag", withPool("nodeName: !secret x"), ["line 2: Unresolved tag: !secret"]],
];

describe("a bad configuration", () => {
  test.each(BAD)("with %s is refused, by the path", (_what, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  test("has all its problems reported at once", () => {
    const text = `
maxVolums: 3
logLevel: loud
defaultPool: c
pools:
  - {name: a, backing: loop, directory: x, dataSize: 10GiB, blocksize: 64KiB}
  - {name: a, backing: parts, data: /dev/b, metadata: /dev/b, overprovision: -1}
  - {name: b, backing: devices}
`;
    expect(problems(text).map((line) => line.slice(0, line.indexOf(": ")))).toEqual([
      "logLevel",
      "pools[0].directory",
      "pools[0].blocksize",
      "pools[1].overprovision",
      "pools[2].devices",
      "maxVolums",
      "pools[1].name",
      "pools[1].metadata",
      "defaultPool",
    ]);
  });

  test("does not reach into a mapping's prototype", () => {
    expect(problems(withPool("__proto__: {logLevel: loud}"))[0]).toMatch(/^__proto__: is not a key here/);
  });
});
