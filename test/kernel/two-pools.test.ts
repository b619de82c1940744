/** One driver, two pools: names are unique on the node. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { takeDown } from "../support/machine-state.ts";
import { createVolumeRequest } from "../support/requests.ts";
import { scratchDirectory } from "../support/scratch.ts";

let directory: string;
let driver: TestDriver;

const start = (): Promise<TestDriver> =>
  startDriver({
    directory,
    pools: [loopPool(directory, "one", "2GiB"), loopPool(directory, "two", "2GiB")],
    config: { defaultPool: "one" },
  });

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "two-pools-"));
  driver = await start();
});

afterAll(async () => {
  await driver.stop();
  for (const pool of ["one", "two"]) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

const requestFor = (name: string, pool: string, mib = 64) =>
  createVolumeRequest({ name, parameters: { pool }, capacity_range: { required_bytes: mib * 2 ** 20 } });

async function create(name: string, pool: string, mib?: number): Promise<string> {
  const { volume } = await driver.client.controller.createVolume(requestFor(name, pool, mib));
  return volume?.volume_id ?? "";
}

/** The id, or the name of the code. */
const outcomeOf = (call: Promise<string>): Promise<string> =>
  call.catch((error: unknown) => status[(error as { code: number }).code] ?? String(error));

async function volumes(): Promise<readonly (string | undefined)[]> {
  const { entries } = await driver.client.controller.listVolumes({});
  return entries.map(({ volume }) => volume?.volume_id);
}

const remove = (volume_id: string) => driver.client.controller.deleteVolume({ volume_id });

describe("several CreateVolume of one name at once", () => {
  test("that are the same make one volume, which all of them get", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => create("same", "one")));
    expect(new Set(ids).size).toBe(1);
    expect(await volumes()).toEqual([ids[0]]);
    await remove(ids[0] ?? "");
  });

  test.each([
    ["for two pools", () => [create("pools", "one"), create("pools", "two")]],
    ["of two sizes", () => [create("sizes", "one", 64), create("sizes", "one", 128)]],
  ])(
    "that differ, %s, make one volume; the other call is told to retry, then that it exists",
    async (_what, calls) => {
      const outcomes = await Promise.all(calls().map(outcomeOf));
      const made = outcomes.filter((outcome) => outcome.startsWith("v-"));
      expect(made).toHaveLength(1);
      expect(
        outcomes.filter((outcome) => outcome === "ABORTED" || outcome === "ALREADY_EXISTS"),
      ).toHaveLength(1);
      expect(await volumes()).toEqual(made);
      const again = await Promise.all(calls().map(outcomeOf));
      expect(
        again.every((outcome) => outcome === made[0] || ["ABORTED", "ALREADY_EXISTS"].includes(outcome)),
      ).toBe(true);
      expect(await volumes()).toEqual(made);
      await remove(made[0] ?? "");
    },
  );
});

test("volumes of two pools are not cut together", async () => {
  const ids = [await create("cut-1", "one"), await create("cut-2", "two")];
  await expect(
    driver.client.groupController.createVolumeGroupSnapshot({ name: "group", source_volume_ids: ids }),
  ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  const { entries } = await driver.client.controller.listSnapshots({});
  expect(entries).toEqual([]);
  for (const id of ids) await remove(id);
});
