import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listDisks } from "../../../src/host/disk-list.ts";

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), "dmthin-disks-"));
  mkdirSync(join(sys, "class/block"), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

let minor = 0;
/** `hardware`: attributes of what is behind it; absent: nothing is. */
function disk(
  name: string,
  hardware?: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> = {},
): void {
  const directory = join(sys, "devices", name);
  const kernelName = basename(name);
  const attributes: Record<string, string> = { dev: `8:${minor++}`, size: "2048", ...own };
  for (const [key, text] of Object.entries(hardware ?? {})) attributes[`device/${key}`] = text;
  mkdirSync(hardware === undefined ? directory : join(directory, "device"), { recursive: true });
  for (const [path, text] of Object.entries(attributes)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), `${text}\n`);
  }
  symlinkSync(join("../../devices", name), join(sys, "class/block", kernelName));
}

test("tells disks by what is behind them, with their model, and says what all else is", () => {
  disk("sda", { model: "Quick 1         " });
  disk("sdb", { model: "Stick" }, { removable: "1" });
  disk("sda1", {}, { partition: "1" });
  disk("mmcblk0", { name: "CARD" });
  disk("mmcblk0boot0", { name: "CARD" });
  disk("vda", {});
  disk("nvme0n1", { model: "N" });
  disk("nvme1n1", { transport: "pcie" });
  disk("nvme2n1", { transport: "tcp" });
  disk("nvme3n1", { "nvme4/transport": "pcie", "nvme5/transport": "rdma" });
  disk("pci/host2/session1/target2/sdc", { model: "LUN" });
  disk("pci/host3/rport-3:0-1/target3/sdd", { model: "LUN" });
  disk("sr0", { model: "CD" });
  disk("md127");
  disk("dm-0");
  disk("loop3");
  disk("zram0");
  disk("ram0");
  disk("nbd0", {});
  disk("strange0");
  const found = listDisks(sys, join(sys, "none")).map(({ kernelName, model, isRemovable, otherwise }) =>
    [kernelName, model ?? "-", isRemovable ? "removable" : "fixed", otherwise ?? "a disk"].join(": "),
  );
  expect(found).toEqual([
    "dm-0: -: fixed: is a device-mapper device",
    "loop3: -: fixed: is a loop device",
    "md127: -: fixed: is an array (md)",
    "mmcblk0: CARD: fixed: a disk",
    "mmcblk0boot0: CARD: fixed: is flash memory of the board, not a disk",
    "nbd0: -: fixed: is a device of software, not of hardware",
    "nvme0n1: N: fixed: a disk",
    "nvme1n1: -: fixed: a disk",
    "nvme2n1: -: fixed: is reached over NVMe/tcp: another machine may have it too",
    "nvme3n1: -: fixed: is reached over NVMe/rdma: another machine may have it too",
    "ram0: -: fixed: is a RAM disk",
    "sda: Quick 1: fixed: a disk",
    "sdb: Stick: removable: a disk",
    "sdc: LUN: fixed: is reached over iSCSI: another machine may have it too",
    "sdd: LUN: fixed: is reached over Fibre Channel: another machine may have it too",
    "sr0: CD: fixed: is a drive for removable media",
    "strange0: -: fixed: has no hardware that the kernel knows of",
    "vda: -: fixed: a disk",
    "zram0: -: fixed: is a RAM disk",
  ]);
});
