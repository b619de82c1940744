import { describe, expect, test } from "vitest";

import type { PoolName } from "../../src/core/ids.ts";
import { adoptionJson, adoptionText, listJson, listText } from "../../src/pool-adopt-text.ts";
import type { AdoptionReport } from "../../src/pool-adopt-text.ts";
import { poolsOf } from "../../src/pool/adopt/found-pools.ts";
import type { FoundPool } from "../../src/pool/adopt/found-pools.ts";
import { find } from "../support/finds.ts";
import { OTHER_POOL, POOL } from "../support/labels.ts";

const STABLE = "/dev/disk/by-partuuid/1";
const metadata = find("sda1", "metadata", {}, { path: STABLE, isStable: true });
const [whole] = poolsOf([metadata, find("sdb1", "data")]) as readonly [FoundPool];
const [lacking] = poolsOf([metadata]) as readonly [FoundPool];

const report = (changes: Partial<AdoptionReport> = {}): AdoptionReport => ({
  pool: whole,
  name: "moved" as PoolName,
  adoption: { kind: "fit", volumes: 2, snapshots: 1, lost: [] },
  stanza: "  - name: moved\n",
  unstable: [],
  isUnsure: false,
  ...changes,
});

describe("the list", () => {
  test("is one paragraph a pool, and what could not be read", () => {
    const listed = [
      { pool: whole, standing: { kind: "clash", uuid: OTHER_POOL }, active: "dmthin-fast-pool" },
      { pool: lacking, standing: { kind: "new" } },
    ] as const;
    expect(listText(listed, [{ path: "/dev/sdx", reason: "its dmthin label is torn" }])).toBe(
      [
        `pool fast (parts), uuid ${POOL}: complete`,
        `  metadata: ${STABLE} (/dev/sda1), 4 GiB`,
        "  data: /dev/sdb1, 4 GiB",
        `  its name is configured here for pool ${OTHER_POOL}; active as dmthin-fast-pool`,
        `pool fast (parts), uuid ${POOL}: devices are missing`,
        `  metadata: ${STABLE} (/dev/sda1), 4 GiB`,
        "  data: not here",
        "  not configured here; not active",
        "/dev/sdx: its dmthin label is torn",
        "",
      ].join("\n"),
    );
    expect(listText([], [])).toBe("no labels of dmthin were found\n");
  });

  test("as JSON has sizes as decimal text", () => {
    const listed = [{ pool: lacking, standing: { kind: "new" } }] as const;
    expect(JSON.parse(listJson(listed, []))).toEqual({
      pools: [
        {
          uuid: POOL,
          name: "fast",
          backing: "parts",
          state: "missing",
          members: [
            { member: "metadata", path: STABLE, device: "/dev/sda1", stable: true, size: "4294967296" },
          ],
          missing: ["data"],
          others: [],
          standing: { kind: "new" },
        },
      ],
      unreadable: [],
    });
  });
});

describe("an adoption", () => {
  test("ends with the stanza, after what a person must know", () => {
    const text = adoptionText(
      report({
        adoption: { kind: "fit", volumes: 1, snapshots: 0, lost: ["v-1"] },
        unstable: ["/dev/sdb1"],
      }),
    );
    expect(text.split("\n")).toEqual([
      "pool fast is called moved from now on",
      `pool moved (${POOL}) brings 1 volume and 0 snapshots, under the ids that they have`,
      "- the thin of v-1 is missing: its content is lost",
      "- /dev/sdb1 has no link in /dev/disk/by-id or by-partuuid: that name may be another device's after a reboot",
      "put this into the configuration, under pools, unless it is there, and start the driver:",
      "  - name: moved",
      "",
    ]);
    expect(adoptionText(report({ name: whole.name, isUnsure: true }))).toMatch(/in place of the pool fast/);
  });

  test("that is refused says why, and how to repair the pool", () => {
    const unfit = report({ adoption: { kind: "unfit", problems: ["thin 7 is in no record"] } });
    expect(adoptionText(unfit)).toMatch(
      /^pool fast \(\w+\) cannot be adopted:\n- thin 7 is in no record\nfor/,
    );
    expect(JSON.parse(adoptionJson(unfit))).toMatchObject({
      fits: false,
      problems: ["thin 7 is in no record"],
    });
  });

  test("as JSON is one object", () => {
    expect(JSON.parse(adoptionJson(report()))).toEqual({
      uuid: POOL,
      name: "moved",
      backing: "parts",
      state: "complete",
      fits: true,
      volumes: 2,
      snapshots: 1,
      lost: [],
      stanza: "  - name: moved\n",
      unstable: [],
    });
  });
});
