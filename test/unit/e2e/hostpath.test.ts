import { expect, test } from "vitest";

import { hostpathImage } from "../../e2e/bed/disks.ts";
import { readSettings } from "../../e2e/suite/framework/settings.ts";

const provisioner = { name: "csi-provisioner", version: "v6.3.0", path: "/bin/csi-provisioner" };

test("csi-driver-host-path is compared with where the run was given it, and named with its version", () => {
  const other = { name: "hostpathplugin", version: "v1.18.0", path: "/there/hostpathplugin" };
  expect(hostpathImage([provisioner, other])).toBe("registry.k8s.io/sig-storage/hostpathplugin:v1.18.0");
  expect(hostpathImage([provisioner])).toBeUndefined();
});

test("the suite knows of it by its image", () => {
  expect(readSettings({ DMTHIN_E2E_HOSTPATH: "example.org/hostpath:v1" }).hostpath).toBe(
    "example.org/hostpath:v1",
  );
  expect(readSettings({}).hostpath).toBeUndefined();
});
