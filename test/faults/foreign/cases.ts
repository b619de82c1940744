/** What foreign hands do to a pool while its driver is away. Each case has a pool of its own. */
import { rm } from "node:fs/promises";

import { parseId } from "../../../src/core/ids.ts";
import { run } from "../../support/machine-state.ts";
import { put } from "../../support/under-disk.ts";
import {
  bump,
  catalogFrom,
  catalogTo,
  copy,
  message,
  metaFrom,
  metaTo,
  remove,
  type ForeignCase,
  type Ground,
} from "./hands.ts";

/** The first and the second copy of a label. */
const LABELS = [0, 65_536] as const;
const WIPED = Buffer.alloc(4096);
const deviceOf = ({ pool }: Ground, role: string): string => `dmthin-${pool.name}-${role}`;

const unknownKey = "0123456789abcdef0123";

export const FOREIGN_CASES: readonly ForeignCase[] = [
  {
    name: "stale",
    what: "its catalog is that of yesterday",
    end: "read-only",
    says: /transaction id is \d+, the catalog's \d+: the catalog is an older copy/,
    yesterday: catalogTo("catalog"),
    today: ({ pool }) => pool.life.create("stale-today", "block", 4n << 20n, pool.here),
    damage: async (ground) => {
      await catalogTo("now")(ground);
      await catalogFrom("catalog")(ground);
    },
    undo: catalogFrom("now"),
  },
  {
    name: "lost",
    what: "its catalog is lost",
    end: "absent",
    says: /its catalog is lost: .* holds 2 thins, unclaimed and untouched: \d+ \(.* mapped\), \d+ \(.* mapped\); restore the file/,
    damage: async (ground) => {
      await catalogTo("now")(ground);
      await ground.pool.catalog((directory) => rm(`${directory}/catalog.db`));
    },
    undo: catalogFrom("now"),
  },
  {
    name: "older",
    what: "its metadata is older than its last start, since when only data was written",
    end: "read-only",
    says: /the catalog's \d+: the pool's metadata is an older copy/,
    yesterday: async (ground) => {
      await metaTo("meta")(ground);
    },
    damage: async (ground) => {
      await metaTo("now")(ground);
      await metaFrom("meta")(ground);
    },
    undo: metaFrom("now"),
  },
  {
    name: "ahead",
    what: "its transaction id went on elsewhere",
    end: "read-only",
    says: /the catalog is an older copy, or somebody else wrote to the pool/,
    damage: bump(1n),
    undo: bump(-1n),
  },
  {
    name: "behind",
    what: "its transaction id went back elsewhere",
    end: "read-only",
    says: /the pool's metadata is an older copy/,
    damage: bump(-2n),
    undo: bump(2n),
  },
  {
    name: "thins",
    what: "it has thins made by hand, below, inside and above the reserved ids",
    end: "read-only",
    says: /thin 0 is in no record; thin 60 is in no record; thin 500000 is above every id/,
    damage: ({ pool }) =>
      pool.elsewhere(async (device) => {
        for (const id of [0, 60, 500_000]) await message(device, `create_thin ${id}`);
      }),
    undo: ({ pool }) =>
      pool.elsewhere(async (device) => {
        for (const id of [0, 60, 500_000]) await message(device, `delete ${id}`);
      }),
  },
  {
    name: "torn",
    what: "both copies of a label are damaged",
    end: "absent",
    says: /the checksum of its dmthin label is wrong; restore the device/,
    unmounted: true,
    damage: async ({ pool, file }) => {
      await run("dd", `if=${pool.data.path}`, `of=${file("label")}`, "bs=1M", "count=1", "status=none");
      for (const offset of LABELS) await put(pool.data.path, offset + 100, Buffer.from("!"));
    },
    undo: ({ pool, file }) => copy(file("label"), pool.data.path),
  },
  {
    name: "wiped",
    what: "both copies of the label of its metadata are gone",
    end: "absent",
    says: /its metadata device is missing; bring it back/,
    unmounted: true,
    damage: async ({ pool, file }) => {
      await run("dd", `if=${pool.metadata.path}`, `of=${file("label")}`, "bs=1M", "count=1", "status=none");
      for (const offset of LABELS) await put(pool.metadata.path, offset, WIPED);
    },
    undo: ({ pool, file }) => copy(file("label"), pool.metadata.path),
  },
  {
    name: "healed",
    what: "one copy of each label is damaged",
    end: "open",
    says: /pool healed is open/,
    damage: async ({ pool }) => {
      await put(pool.metadata.path, LABELS[0], WIPED);
      await put(pool.data.path, LABELS[1] + 100, Buffer.from("!"));
    },
  },
  {
    name: "mixed",
    what: "its data is that of another pool",
    end: "absent",
    says: /under-mixed-data: belongs to pool swapped \([0-9a-f]{32}\), not mixed/,
    unmounted: true,
    other: "swapped",
    damage: ({ pool, other }) => pool.data.showInstead(other.data),
    undo: ({ pool }) => pool.data.heal(),
  },
  {
    name: "swapped",
    what: "its metadata is that of another pool",
    end: "absent",
    says: /under-swapped-meta: belongs to pool mixed \([0-9a-f]{32}\), not swapped/,
    unmounted: true,
    other: "mixed",
    damage: ({ pool, other }) => pool.metadata.showInstead(other.metadata),
    undo: ({ pool }) => pool.metadata.heal(),
  },
  {
    name: "occupied",
    what: "something else is where its catalog was",
    end: "absent",
    says: /the catalog's filesystem cannot be used/,
    unmounted: true,
    damage: async ({ pool, file }) => {
      await pool.open("catalog", async (path) => {
        await copy(path, file("catalog"));
        await run("wipefs", "--all", "--quiet", path);
        await run("mkswap", path);
      });
    },
    undo: ({ pool, file }) => pool.open("catalog", (path) => copy(file("catalog"), path)),
  },
  {
    name: "sealed",
    what: "its catalog cannot be written to",
    end: "absent",
    says: /catalog.* is read-only/,
    active: true,
    devices: true,
    damage: (ground) => run("blockdev", "--setro", `/dev/mapper/${deviceOf(ground, "catalog")}`),
    undo: (ground) => run("blockdev", "--setrw", `/dev/mapper/${deviceOf(ground, "catalog")}`),
  },
  {
    name: "named",
    what: "a device of somebody else has a name of its devices",
    end: "absent",
    says: /dm device dmthin-named-data cannot be created: the name is taken/,
    unmounted: true,
    devices: true,
    damage: (ground) => run("dmsetup", "create", deviceOf(ground, "data"), "--table", "0 2048 zero"),
    undo: (ground) => remove(deviceOf(ground, "data")),
  },
  {
    name: "forged",
    what: "a device has name and uuid of one of its devices, and lies elsewhere",
    end: "absent",
    says: /dm device dmthin-forged-meta is active with another table/,
    unmounted: true,
    devices: true,
    damage: (ground) =>
      run(
        "dmsetup",
        "create",
        deviceOf(ground, "meta"),
        "--uuid",
        `DMTHIN-${ground.uuid}-meta`,
        "--table",
        `0 8192 linear ${ground.pool.data.path} 0`,
      ),
    undo: (ground) => remove(deviceOf(ground, "meta")),
  },
  {
    name: "elsewhere",
    what: "it is active under other names",
    end: "absent",
    says: /under-elsewhere-meta: dm-\d+ is built on it; remove that first/,
    unmounted: true,
    devices: true,
    damage: ({ pool }) => {
      const { disk, offset, length } = pool.extent("meta");
      return run(
        "dmsetup",
        "create",
        "hand-held",
        "--table",
        `0 ${length / 512n} linear ${disk.path} ${offset / 512n}`,
      );
    },
    undo: () => remove("hand-held"),
  },
  {
    name: "devices",
    what: "devices made by hand use it",
    end: "read-only",
    says: /device hand-alias carries the uuid of \S+;.* device hand-user uses the pool and is not of dmthin/,
    active: true,
    devices: true,
    damage: async ({ pool, uuid, kept, keptThin }) => {
      const thin = `0 ${kept.size / 512n} thin /dev/mapper/${pool.poolDevice} ${keptThin}`;
      const volume = (key: string): string => `DMTHIN-${uuid}-v-${key}`;
      const unknown = `dmthin-${pool.name}-v-${unknownKey}`;
      await run("dmsetup", "create", unknown, "--uuid", volume(unknownKey), "--table", "0 2048 zero");
      await run(
        "dmsetup",
        "create",
        "hand-alias",
        "--uuid",
        volume(parseId(kept.id)?.key ?? ""),
        "--table",
        thin,
      );
      await run("dmsetup", "create", "hand-user", "--table", thin);
    },
    undo: ({ pool }) => remove("hand-user", "hand-alias", `dmthin-${pool.name}-v-${unknownKey}`),
  },
];
