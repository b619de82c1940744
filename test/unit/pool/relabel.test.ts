import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { PoolName } from "../../../src/core/ids.ts";
import { bytes, MIB } from "../../../src/core/units.ts";
import { decide } from "../../../src/pool/decision.ts";
import type { Decision } from "../../../src/pool/decision.ts";
import { readLabelCopies, writeLabel } from "../../../src/pool/label-store.ts";
import type { Extents, Member } from "../../../src/pool/layout.ts";
import { relabel, rename, writeLabels } from "../../../src/pool/relabel.ts";
import { EXTENTS, LABEL } from "../../support/labels.ts";

const SLOW = "slow" as PoolName;
const MEMBERS = ["metadata", "data"] as const;
const LONGER: Extents = { ...EXTENTS, data: { ...EXTENTS.data, length: bytes(EXTENTS.data.length + MIB) } };
const SWAPPED: Extents = {
  ...EXTENTS,
  meta: { ...EXTENTS.spare, role: "meta" },
  spare: { ...EXTENTS.meta, role: "spare" },
};

let directory: string;
const pathOf = (member: Member): string => join(directory, member);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relabel-"));
  for (const member of MEMBERS) {
    await writeFile(pathOf(member), Buffer.alloc(Number(MIB)));
    await writeLabel(pathOf(member), { ...LABEL, member });
  }
});
afterEach(() => rm(directory, { recursive: true }));

async function decided(name: PoolName = LABEL.name): Promise<Decision> {
  const observations = MEMBERS.map(async (role) => {
    const { reading } = await readLabelCopies(pathOf(role));
    const finding = reading.kind === "none" ? ({ kind: "blank" } as const) : reading;
    const size = bytes(1n << 40n);
    return { role, path: role, size, finding, forced: false, readOnly: false, holders: [], claimed: false };
  });
  return decide({ name, backing: LABEL.backing }, await Promise.all(observations));
}

test.each([
  ["longer data", LONGER],
  ["meta and spare exchanged", SWAPPED],
])("says on every device where the parts lie: %s", async (_what, extents) => {
  const label = await relabel(LABEL, extents, { pathOf, onStep: () => {} });
  expect(label).toEqual({ ...LABEL, extents, sequence: 3 });
  expect(await decided()).toEqual({ kind: "open", label, behind: [] });
});

test.each([
  ["before the first device: the old label", 0, LABEL.sequence, []],
  ["between two devices: the new one, and the rest is behind", 1, LABEL.sequence + 1, ["data"]],
])("stopped %s", async (_what, at, sequence, behind) => {
  let steps = 0;
  const onStep = (): void => {
    if (steps++ === at) throw new Error("stopped");
  };
  await expect(relabel(LABEL, LONGER, { pathOf, onStep })).rejects.toThrow("stopped");
  const found = await decided();
  expect(found).toMatchObject({ kind: "open", label: { sequence }, behind });
  if (found.kind !== "open") return;
  await writeLabels(found.label, found.behind, { pathOf, onStep: () => {} });
  expect(await decided()).toMatchObject({ kind: "open", label: { sequence }, behind: [] });
});

test("gives the pool another name on every device", async () => {
  const label = await rename(LABEL, SLOW, { pathOf, onStep: () => {} });
  expect(label).toEqual({ ...LABEL, name: SLOW, sequence: 3 });
  expect(await decided(SLOW)).toEqual({ kind: "open", label, behind: [] });
  expect((await decided()).kind).toBe("refuse");
});

test("stopped between two devices, the pool has its new name, and the rest is behind", async () => {
  const onStep = (step: string): void => {
    if (step === "label data ready") throw new Error("stopped");
  };
  await expect(rename(LABEL, SLOW, { pathOf, onStep })).rejects.toThrow("stopped");
  expect((await decided()).kind).toBe("refuse");
  const found = await decided(SLOW);
  expect(found).toMatchObject({ kind: "open", label: { name: SLOW, sequence: 3 }, behind: ["data"] });
  if (found.kind !== "open") return;
  await writeLabels(found.label, found.behind, { pathOf, onStep: () => {} });
  expect(await decided(SLOW)).toMatchObject({ kind: "open", behind: [] });
});

test("takes no extents that overlap, or lie on other devices", async () => {
  const more: Extents = { ...EXTENTS, further: [{ ...EXTENTS.data, member: "data-1" }] };
  const elsewhere: Extents = { ...EXTENTS, catalog: { ...EXTENTS.catalog, member: "catalog" } };
  const overlapping: Extents = { ...EXTENTS, spare: EXTENTS.catalog };
  for (const extents of [elsewhere, overlapping, more])
    await expect(relabel(LABEL, extents, { pathOf, onStep: () => {} })).rejects.toThrow(RangeError);
  expect(await decided()).toMatchObject({ kind: "open", label: LABEL, behind: [] });
});
