import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { readConfig } from "../../../src/config.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "same-device-"));
});
afterEach(() => rm(directory, { recursive: true }));

const surroundings = { nodeName: "n", endpoint: "unix:///run/csi.sock" };

async function read(pools: string) {
  const path = join(directory, "config.yaml");
  await writeFile(path, `pools: [${pools.replaceAll("@", directory)}]`);
  return readConfig(path, surroundings);
}

test("two links to one device are one device, and a link to its partition is a part of it", async () => {
  for (const device of ["nvme0n1", "nvme0n1p1"]) await writeFile(join(directory, device), "");
  await symlink("nvme0n1", join(directory, "by-id"));
  await symlink("nvme0n1", join(directory, "by-path"));
  await symlink("nvme0n1p1", join(directory, "by-partuuid"));
  await expect(read("{name: a, backing: devices, devices: [@/by-id, @/by-path, @/missing]}")).rejects.toThrow(
    `pools[0].devices[1]: ${directory}/by-path is ${directory}/nvme0n1, already used as pools[0].devices[0]`,
  );
  await expect(
    read(
      "{name: a, backing: parts, data: /dev/x, metadata: /dev/y, catalog: @/by-id}, {name: b, backing: devices, devices: [@/by-path]}",
    ),
  ).rejects.toThrow(/pools\[1\].devices\[0\]: .* already used as pools\[0\].catalog/);
  await expect(
    read(
      "{name: a, backing: devices, devices: [@/by-id]}, {name: b, backing: parts, data: @/by-partuuid, metadata: @/missing}",
    ),
  ).rejects.toThrow(/pools\[1\].data: .*by-partuuid is .*nvme0n1p1, a partition of pools\[0\].devices\[0\]/);
  await expect(read("{name: a, backing: devices, devices: [@/by-id, @/missing]}")).resolves.toMatchObject({
    pools: [{ name: "a" }],
  });
});
