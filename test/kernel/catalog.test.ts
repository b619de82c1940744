import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { OutcomeUnknownError, PoolUnavailableError } from "../../src/core/errors.ts";
import type { Change } from "../../src/core/records.ts";
import { openCatalog } from "../../src/pool/catalog.ts";
import { GuardBench } from "../support/guard-bench.ts";
import { sh } from "../support/sh.ts";
import { poolRecord, volumeRecord } from "../support/records.ts";

const POOL = "0123456789abcdef0123456789abcdef";
const DEADLINE_MS = 3000;

let bench: GuardBench;
beforeEach(() => {
  bench = new GuardBench();
});
afterEach(() => bench.clear());

const put = (number: number): Change => ({ kind: "put-volume", record: volumeRecord(number) });

// Frozen: the write waits. Not frozen: the write ends in the page cache, and the flush waits.
test.each([["frozen", []] as const, ["stuck", ["--nolockfs", "--noflush"]] as const])(
  "a %s disk stops its own catalog at the deadline and nobody else; the records are there afterwards",
  async (_, suspend) => {
    const [sick, healthy] = [bench.filesystem(POOL, 1), bench.filesystem(POOL, 2)];
    const options = { deadlineMs: DEADLINE_MS, create: poolRecord() };
    const path = join(sick.mountPoint, "catalog.db");
    const catalog = await openCatalog(path, options);
    const other = await openCatalog(join(healthy.mountPoint, "catalog.db"), options);
    await catalog.commit([put(1)]);

    sh("dmsetup", "suspend", ...suspend, sick.name);
    const begin = performance.now();
    const stuck = catalog.commit([put(2)]).catch((error: unknown) => error);
    await other.commit([put(1)]);
    expect(performance.now() - begin).toBeLessThan(DEADLINE_MS);
    expect(await stuck).toBeInstanceOf(OutcomeUnknownError);
    expect(performance.now() - begin).toBeLessThan(DEADLINE_MS + 1000);
    await expect(catalog.commit([put(3)])).rejects.toThrow(PoolUnavailableError);
    await catalog.close();
    expect(performance.now() - begin).toBeLessThan(2 * DEADLINE_MS + 2000);
    await other.commit([put(2)]);
    expect((await other.load()).volumes).toHaveLength(2);

    sh("dmsetup", "resume", sick.name);
    const again = await reopened(path);
    const { volumes } = await again.load();
    expect(volumes[0]).toStrictEqual(volumeRecord(1));
    expect(volumes.length).toBeLessThanOrEqual(2); // the commit in question may have happened
    await again.close();
    await other.close();
  },
);

/** The thread that was stuck lets go of the file a moment after the disk is back. */
async function reopened(path: string): ReturnType<typeof openCatalog> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await openCatalog(path, { deadlineMs: 30_000 });
    } catch (error) {
      if (attempt === 20 || !(error instanceof Error) || !/has it open/.test(error.message)) throw error;
    }
  }
}
