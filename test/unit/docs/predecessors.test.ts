/** What is said to take the place of each setting of the drivers before dmthin is there. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { parseConfig } from "../../../src/config.ts";
import { USAGE } from "../../../src/usage.ts";
import { parseCommandLine } from "../../../src/command-line.ts";
import { answer, type View } from "../../../src/commands/answer.ts";
import { plain } from "../../../src/commands/paint.ts";
import { configSchema } from "../../../src/config/schema.ts";
import type { PoolReport } from "../../../src/core/pool-report.ts";
import { parseStorageClass } from "../../../src/csi/parameters.ts";
import { Monitor } from "../../../src/monitor/monitor.ts";
import { metricsOf } from "../../support/monitor-metrics.ts";
import { formatReport, parseReport } from "../../../src/monitor/report-json.ts";
import { anchors, documentText, ROOT, tableRows } from "../../support/markdown.ts";
import { nodeReport, openPool } from "../../support/node-report.ts";
import { volumeIdOf } from "../../support/records.ts";

const PAGE = "docs/reference/predecessors.md";
const ROWS = tableRows(documentText(PAGE)).map(({ section, cells }) => {
  const [item = "", heir = "", why = "", ...more] = cells;
  return { section, item, heir, why, more };
});

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const ITEMS: Readonly<Record<string, readonly string[]>> = {
  "Docker's devicemapper: options": words(`
    dm.basesize dm.loopdatasize dm.loopmetadatasize dm.fs dm.mkfsarg dm.mountopt dm.datadev dm.metadatadev
    dm.thinpooldev dm.blocksize dm.blkdiscard dm.override_udev_sync_check dm.use_deferred_removal
    dm.use_deferred_deletion dm.min_free_space dm.xfs_nospace_max_retries dm.libdm_log_level dm.directlvm_device
    dm.directlvm_device_force dm.thinp_percent dm.thinp_metapercent dm.thinp_autoextend_threshold
    dm.thinp_autoextend_percent size skip_block_zeroing`).concat("low water mark of 32768 blocks"),
  "Docker's devicemapper: docker info": [
    "Pool Name",
    "Pool Blocksize",
    "Base Device Size",
    "Backing Filesystem",
    "Udev Sync Supported",
    "Data file",
    "Metadata file",
    "Data loop file",
    "Metadata loop file",
    "Data Space Used",
    "Data Space Total",
    "Data Space Available",
    "Metadata Space Used",
    "Metadata Space Total",
    "Metadata Space Available",
    "Thin Pool Minimum Free Space",
    "Deferred Removal Enabled",
    "Deferred Deletion Enabled",
    "Deferred Deleted Device Count",
    "Library Version",
    ...words("DeviceId DeviceName DeviceSize MappedSectors HighestMappedSector TransactionID"),
  ],
  "containerd's devmapper snapshotter": words(
    "root_path pool_name base_image_size async_remove discard_blocks fs_type fs_options",
  ),
  "container-storage-setup and docker-storage-setup": words(`
    STORAGE_DRIVER DEVS VG DATA_SIZE MIN_DATA_SIZE POOL_META_SIZE CHUNK_SIZE GROWPART AUTO_EXTEND_POOL
    POOL_AUTOEXTEND_THRESHOLD POOL_AUTOEXTEND_PERCENT DEVICE_WAIT_TIMEOUT WIPE_SIGNATURES CONTAINER_THINPOOL
    SETUP_LVM_THIN_POOL EXTRA_STORAGE_OPTIONS EXTRA_DOCKER_STORAGE_OPTIONS ROOT_SIZE CONTAINER_ROOT_LV_NAME
    CONTAINER_ROOT_LV_SIZE CONTAINER_ROOT_LV_MOUNT_PATH DOCKER_ROOT_VOLUME DOCKER_ROOT_VOLUME_SIZE`),
  "Direct-lvm by hand": [
    "thin_pool_autoextend_threshold",
    "thin_pool_autoextend_percent",
    "lvchange --metadataprofile",
    "lvs -o+seg_monitor",
    "lvconvert --zero n",
    "lvconvert --chunksize",
    "lvconvert --poolmetadata",
    "lvconvert --repair",
    "lvextend",
  ],
  Convoy: words(`
    dm.datadev dm.metadatadev dm.thinpoolname dm.thinpoolblocksize dm.defaultvolumesize dm.fs`),
  "LVM thin pools": [
    "lvcreate --type thin-pool",
    "lvcreate --thin",
    ...words(`
      --chunksize --zero --discards --errorwhenfull --poolmetadatasize --poolmetadataspare thin_pool_crop_metadata
      thin_check_options dmeventd data_percent metadata_percent vgextend pvmove`),
  ],
  TopoLVM: words(`
    device-classes name volume-group default spare-gb type thin-pool.name thin-pool.overprovision-ratio stripe stripe-size
    lvcreate-options lvcreate-option-classes socket-name topolvm.io/device-class topolvm.io/lvcreate-option-class
    csi.storage.k8s.io/fstype topology.topolvm.io/node capacity.topolvm.io/<device-class> topolvm.io/capacity
    topolvm_volumegroup_size_bytes topolvm_volumegroup_available_bytes topolvm_thinpool_size_bytes
    topolvm_thinpool_data_percent topolvm_thinpool_metadata_percent topolvm_thinpool_overprovisioned_available`),
  "OpenEBS LVM LocalPV": words("storage volgroup vgpattern thinProvision shared scheduler fsType snapSize"),
  "democratic-csi, zfs-local": words(`
    driver zfs.datasetParentName zfs.detachedSnapshotsDatasetParentName zfs.datasetProperties zfs.datasetEnableQuotas
    zfs.datasetEnableReservation zfs.zvolEnableReservation zfs.zvolCompression zfs.zvolDedup zfs.zvolBlocksize`),
};

test("each item of the predecessors has one row, and no row is of something else", () => {
  const listed = ROWS.map(({ section, item }) => `${section} | ${item}`);
  const wanted = Object.entries(ITEMS).flatMap(([section, items]) =>
    items.map((item) => `${section} | \`${item}\``),
  );
  expect(listed.toSorted()).toEqual(wanted.toSorted());
  expect(ROWS.filter(({ more, why }) => more.length > 0 || !/^\S.*\.$/.test(why))).toEqual([]);
});

/** `none`, `not built`, or heirs of these kinds and nothing else between them. */
const HEIR = /^(?:(key|parameter|command|metric) `([^`]+)`|\[[^\]]+\]\(([^)]+)\))(?:, |$)/;

/** Throws on a cell that is anything else. */
function heirsOf(cell: string): readonly { readonly kind: string; readonly name: string }[] {
  if (cell === "none" || cell === "not built") return [];
  const heirs: { readonly kind: string; readonly name: string }[] = [];
  for (let rest = cell; rest !== "";) {
    const [all, kind = "document", name, link] = HEIR.exec(rest) ?? [];
    if (all === undefined) throw new Error(`not an heir: ${rest}`);
    heirs.push({ kind, name: name ?? link ?? "" });
    rest = rest.slice(all.length);
  }
  return heirs;
}

const HEIRS = ROWS.flatMap(({ heir }) => heirsOf(heir));
const named = (kind: string): readonly string[] => [
  ...new Set(HEIRS.filter((heir) => heir.kind === kind).map(({ name }) => name)),
];

/** Dotted names of the keys that hold a value: `guard.socket`; those of a pool without what they are in. */
function keysIn(schema: unknown, path = ""): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties, items, anyOf, oneOf } = schema as Readonly<Record<string, unknown>>;
  const inside = Object.entries(properties ?? {}).flatMap(([key, value]) =>
    keysIn(value, path === "" ? key : `${path}.${key}`),
  );
  const shapes = [...((anyOf ?? oneOf ?? []) as readonly unknown[])];
  const alternatives = shapes.flatMap((shape) => keysIn(shape, path));
  const ofItems = keysIn(items, path === "pools" ? "" : path);
  const deeper = [...inside, ...alternatives, ...ofItems].filter((key) => key !== path);
  return deeper.length === 0 ? [path] : deeper;
}

const KEYS = new Set(keysIn(z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" })));

let monitor: Monitor;
beforeAll(() => {
  monitor = new Monitor();
});
afterAll(() => monitor.close());

describe("an heir that is", () => {
  test("a key is one of the configuration", () => {
    expect([...KEYS]).toEqual(
      expect.arrayContaining(["guard.socket", "autoGrow.step", "devices", "catalog"]),
    );
    expect(named("key").length).toBeGreaterThan(10);
    expect(named("key").filter((key) => !KEYS.has(key))).toEqual([]);
  });

  test("a parameter is taken of a StorageClass, and is in its reference", () => {
    const reference = documentText("docs/reference/storage-class.md");
    expect(named("parameter").toSorted()).toEqual(["csi.storage.k8s.io/fstype", "mkfsOptions", "pool"]);
    for (const key of named("parameter")) {
      expect(() => parseStorageClass({ [key]: "x" })).not.toThrow();
      expect(reference).toContain(`\`${key}\``);
    }
  });

  test("a command is one, with the name of a thing or without", () => {
    const isCommand = (line: readonly string[]): boolean => {
      try {
        return parseCommandLine(line).kind !== "help";
      } catch {
        return false;
      }
    };
    expect(named("command").length).toBeGreaterThan(4);
    for (const command of named("command")) {
      const [program, ...line] = command.split(" ");
      expect({ command, program, known: isCommand(line) || isCommand([...line, "x"]) }).toEqual({
        command,
        program: "dmthin",
        known: true,
      });
      expect(USAGE).toContain(line.join(" "));
    }
  });

  test("a metric is one", () => {
    const real = new Set(metricsOf(monitor).map(({ name }) => name));
    expect(named("metric").length).toBeGreaterThan(5);
    expect(named("metric").filter((name) => !real.has(name))).toEqual([]);
  });

  test("a document is there, with its heading", () => {
    const links = [...documentText(PAGE).matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link);
    expect(links).toEqual(expect.arrayContaining([...named("document")]));
    for (const link of links) {
      const [file = "", anchor] = link.split("#");
      const path = normalize(join(dirname(PAGE), file));
      expect({ link, there: existsSync(join(ROOT, path)) }).toEqual({ link, there: true });
      if (anchor !== undefined) expect(anchors(documentText(path))).toContain(anchor);
    }
  });
});

test("what a command is said to call a figure is what it calls it", () => {
  const backings: readonly Extract<PoolReport, { kind: "open" }>["backing"][] = [
    { kind: "loop", directory: "/pools/fast" },
    { kind: "parts", data: "/dev/data", metadata: "/dev/meta" },
    { kind: "devices", devices: ["/dev/disk"] },
  ];
  const shown = (command: string): ReadonlySet<string> => {
    const views: Readonly<Record<string, View>> = {
      "dmthin status": { kind: "status" },
      "dmthin pool show": { kind: "pool-show", wanted: "fast" },
      "dmthin volume show": { kind: "volume-show", wanted: volumeIdOf(1) },
    };
    const view = views[command];
    if (view === undefined) return new Set();
    const outputs = backings.map(
      (backing) =>
        answer(view, parseReport(formatReport(nodeReport(openPool({ backing })))), false, plain).output,
    );
    return new Set(outputs.join("").match(/^[^:\n]+(?=: )/gm));
  };
  const called = ROWS.flatMap(({ heir, why }) => {
    const commands = heirsOf(heir).filter(({ kind }) => kind === "command");
    return [...why.matchAll(/\*([^*]+)\*/g)].map(([, label = ""]) => ({
      label,
      known: commands.some(({ name }) => shown(name).has(label)),
    }));
  });
  expect(called.length).toBeGreaterThan(20);
  expect(called.filter(({ known }) => !known)).toEqual([]);
});

test("the pool of somebody else has two heirs that are devices, and is refused by a message that names how", () => {
  const heirs = ROWS.filter(({ item }) => item === "`dm.thinpooldev`").flatMap(({ heir }) => heirsOf(heir));
  expect(heirs.map(({ name }) => name)).toEqual(["data", "metadata", "../guides/choose-a-backing.md#on-lvm"]);
  const text = "endpoint: unix:///c.sock\npools: [{name: x, backing: external}]";
  expect(parseConfig(text, { nodeName: "n" })).toEqual({
    kind: "invalid",
    problems: [
      'pools[0].backing: "external" does not exist: a thin-pool that something else keeps is not taken; give parts two devices to make one on, on LVM two logical volumes that are no thin-pool',
    ],
  });
});

test("what is said to be not built is not there, and the limitations say so", () => {
  const without = ROWS.filter(({ heir }) => heir === "not built").map(({ item }) => item);
  expect(without.toSorted()).toEqual(["`DATA_SIZE`"]);
  expect(documentText("docs/limitations.md")).toContain("a pool takes whole disks");
});
