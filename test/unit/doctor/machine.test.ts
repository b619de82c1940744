import { describe, expect, test } from "vitest";

import { judgeLimits, judgePropagation } from "../../../src/doctor/directories.ts";
import { formatFindings, hasFailed, ok, warn, fail, unknown } from "../../../src/doctor/finding.ts";
import { judgeKernel, type KernelFacts } from "../../../src/doctor/kernel.ts";
import { judgeDevices } from "../../../src/doctor/own-devices.ts";
import { judgeTools } from "../../../src/doctor/tools.ts";

const KERNEL: KernelFacts = {
  release: "6.12.48+deb13-amd64",
  targets: ["thin-pool v1.23.0", "thin v1.23.0", "linear v1.4.0"],
  modulesAtBoot: "loop\ndm_thin_pool\n",
  isModule: true,
  noSpaceTimeout: 60,
};
const verdicts = (changes: Partial<KernelFacts>): readonly string[] =>
  judgeKernel({ ...KERNEL, ...changes }).map(({ check, verdict }) => `${check}: ${verdict}`);

describe("the kernel", () => {
  test.each<[string, Partial<KernelFacts>, readonly string[]]>([
    ["a good one", {}, ["kernel: ok", "device-mapper: ok"]],
    [
      "one that is older than the tests",
      { release: "5.15.0-91-generic" },
      ["kernel: warn", "device-mapper: ok"],
    ],
    ["one that is newer", { release: "8.0.0" }, ["kernel: ok", "device-mapper: ok"]],
    ["one without thin-pool", { targets: ["thin v1.23.0"] }, ["kernel: ok", "device-mapper: fail"]],
    [
      "one that does not answer",
      { targets: { problem: "no control node" } },
      ["kernel: ok", "device-mapper: fail"],
    ],
    [
      "a module that nobody loads",
      { modulesAtBoot: "# dm_thin_pool\n" },
      ["kernel: ok", "device-mapper: ok", "module at boot: warn"],
    ],
    [
      "a module loaded under its other spelling",
      { modulesAtBoot: "dm-thin-pool" },
      ["kernel: ok", "device-mapper: ok"],
    ],
    [
      "one with the module built in",
      { modulesAtBoot: "", isModule: false },
      ["kernel: ok", "device-mapper: ok"],
    ],
    [
      "writers that wait for ever",
      { noSpaceTimeout: 0 },
      ["kernel: ok", "device-mapper: ok", "no_space_timeout: warn"],
    ],
    ["a strange release", { release: "custom" }, ["kernel: unknown", "device-mapper: ok"]],
  ])("%s", (_what, changes, expected) => {
    expect(verdicts(changes)).toEqual(expected);
  });
});

describe("mount propagation", () => {
  const ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw";
  const PRIVATE = "30 22 0:40 / /var/lib/kubelet rw,relatime - tmpfs tmpfs rw";
  const SHARED = "31 22 0:41 / /var/lib/kubelet rw,relatime shared:9 master:2 - tmpfs tmpfs rw";
  const CONTAINER = "40 39 0:50 / / ro,relatime - overlay overlay rw";
  const PLUGINS =
    "41 40 8:1 /var/lib/kubelet/plugins /var/lib/kubelet/plugins rw shared:7 - ext4 /dev/sda1 rw";
  const PODS = "42 40 8:1 /var/lib/kubelet/pods /var/lib/kubelet/pods rw shared:8 - ext4 /dev/sda1 rw";
  const judge = (lines: readonly string[], hasKubelet = true) =>
    judgePropagation({
      mountInfo: `${lines.join("\n")}\n`,
      kubeletDirectory: "/var/lib/kubelet",
      hasKubelet,
    });
  test.each<[string, readonly string[], string]>([
    ["a shared root", [ROOT], "ok"],
    ["a private mount on the kubelet's directory", [ROOT, PRIVATE], "fail"],
    ["a shared one", [ROOT, SHARED], "ok"],
    ["a shared one over a private one", [ROOT, PRIVATE, SHARED], "ok"],
    ["two shared ones below it, as in the driver's container", [CONTAINER, PLUGINS, PODS], "ok"],
    ["one of the two that is not", [CONTAINER, PLUGINS, PODS.replace(" shared:8", "")], "fail"],
    ["a mount beside it does not count", [ROOT, "32 22 0:42 / /var/lib/kube rw - tmpfs tmpfs rw"], "ok"],
  ])("%s", (_what, lines, verdict) => {
    expect(judge(lines).verdict).toBe(verdict);
  });
  test("a kubelet's directory that is not there", () => {
    expect(judge([ROOT], false).verdict).toBe("warn");
  });
});

test("limits", () => {
  const limits = (soft: string): string =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}   1048576   files\n`;
  expect(judgeLimits(limits("1024")).verdict).toBe("warn");
  expect(judgeLimits(limits("1048576")).verdict).toBe("ok");
  expect(judgeLimits(limits("unlimited")).verdict).toBe("ok");
});

test("devices that somebody left", () => {
  const uuid = "DMTHIN-00112233445566778899aabbccddeeff-";
  const devices = [
    { name: "dmthin-fast-pool", uuid: `${uuid}pool`, suspended: false },
    { name: "dmthin-old-pool", uuid: `${uuid}pool`, suspended: false },
    { name: "dmthin-fast-v-0", uuid: `${uuid}v-0`, suspended: true },
    { name: "dmthin-fast-x", uuid: "", suspended: false },
    { name: "vg0-root", uuid: "LVM-x", suspended: true },
  ];
  expect(judgeDevices(devices, ["fast"]).map(({ verdict, says }) => `${verdict} ${says}`)).toEqual([
    "fail dmthin-fast-v-0: whoever writes to them waits",
    "warn old is active and not configured",
    "warn dmthin-fast-x has dmthin's name and not its uuid",
  ]);
  expect(judgeDevices([], []).map(({ verdict }) => verdict)).toEqual(["ok"]);
});

test("tools by their packages", () => {
  const tool = (name: string, from: string, required: boolean, path?: string) => ({
    name,
    package: from,
    required,
    path,
  });
  const findings = judgeTools([
    tool("dmsetup", "dmsetup", true, "/sbin/dmsetup"),
    tool("thin_check", "thin-provisioning-tools", true),
    tool("thin_dump", "thin-provisioning-tools", false),
    tool("mkfs.xfs", "xfsprogs", false),
  ]);
  expect(findings).toEqual([
    expect.objectContaining({ verdict: "fail", cure: "apt-get install thin-provisioning-tools" }),
    expect.objectContaining({ verdict: "warn", says: "mkfs.xfs not found: no volumes with xfs" }),
  ]);
  expect(judgeTools([tool("dmsetup", "dmsetup", true, "/sbin/dmsetup")])).toMatchObject([{ verdict: "ok" }]);
});

test("says all of it, with colours only where they are wanted", () => {
  const findings = [
    ok("a", "fine"),
    warn("b", "odd", "mend it"),
    fail("c", "bad", "stop"),
    unknown("d", "dark"),
  ];
  expect(formatFindings(findings, false)).toBe(
    [
      "ok      a: fine",
      "warn    b: odd",
      "        → mend it",
      "FAIL    c: bad",
      "        → stop",
      "unknown d: dark",
      "doctor: 1 ok, 1 warnings, 1 failed, 1 unknown",
      "",
    ].join("\n"),
  );
  expect(formatFindings(findings, true)).toContain("\u001B[31mFAIL");
  expect([hasFailed(findings), hasFailed(findings.slice(0, 2))]).toEqual([true, false]);
});
