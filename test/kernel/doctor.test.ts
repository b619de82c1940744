/** `dmthin doctor` on a real kernel: what is well, and what somebody left behind. */
import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Finding } from "../../src/doctor/finding.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { loopPool } from "../support/driver.ts";
import { run } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/doctor-`);
  await mkdir(`${directory}/kubelet`);
  const config = {
    endpoint: `unix://${directory}/csi.sock`,
    kubeletDirectory: `${directory}/kubelet`,
    pools: [loopPool(directory, "fast", "1GiB")],
  };
  writeFileSync(`${directory}/dmthin.yaml`, JSON.stringify(config));
});
afterAll(() => rm(directory, { recursive: true }));

interface Examined {
  readonly code: number;
  readonly findings: readonly Finding[];
}

async function doctor(): Promise<Examined> {
  const args = ["doctor", "--config", `${directory}/dmthin.yaml`, "--root", directory, "-o", "json"];
  const { code, stdout } = await dmthinCommand(args);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
  return { code, findings };
}

const verdictOf = ({ findings }: Examined, check: string) =>
  findings.find((each) => each.check === check)?.verdict;

test("finds targets, tools and configuration in order", async () => {
  const examined = await doctor();
  for (const check of ["root", "configuration", "tools", "kernel", "device-mapper", "suspended devices"])
    expect([check, verdictOf(examined, check)]).toEqual([check, "ok"]);
  const mounts = verdictOf(examined, "mount propagation");
  // The test kernel decides whether / is shared; the exit code has to follow.
  expect(examined.code).toBe(mounts === "ok" ? 0 : 1);
});

test("names a suspended device of a pool, and one that only has its name", async () => {
  const uuid = "DMTHIN-00112233445566778899aabbccddeeff-v-0123456789abcdef0123";
  await run("dmsetup", "create", "dmthin-fast-v-0123456789abcdef0123", "--uuid", uuid, "--table", "0 8 zero");
  await run("dmsetup", "create", "dmthin-by-hand", "--table", "0 8 zero");
  try {
    await run("dmsetup", "suspend", "dmthin-fast-v-0123456789abcdef0123");
    const examined = await doctor();
    expect(examined.code).toBe(1);
    expect(examined.findings).toContainEqual(
      expect.objectContaining({
        check: "suspended devices",
        verdict: "fail",
        says: expect.stringContaining("dmthin-fast-v-0123456789abcdef0123") as string,
      }),
    );
    expect(verdictOf(examined, "foreign devices")).toBe("warn");
  } finally {
    await run("dmsetup", "resume", "dmthin-fast-v-0123456789abcdef0123");
    await run("dmsetup", "remove", "--retry", "dmthin-fast-v-0123456789abcdef0123");
    await run("dmsetup", "remove", "--retry", "dmthin-by-hand");
  }
});
