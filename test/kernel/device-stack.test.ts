import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeviceStack } from "../../src/pool/device-stack.ts";
import { madeDirectory, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

/** With only the linear devices up, as between two boots of a pool. */
async function withoutPool(stack: DeviceStack): Promise<void> {
  await stack.release();
  await bench.dmsetup.remove(stack.poolDevice);
}

describe("a complete pool is not activated", () => {
  test("on blank thin metadata, which the kernel would format", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    await withoutPool(stack);
    sh("dd", "if=/dev/zero", `of=${stack.metadataPath}`, "bs=4096", "count=1", "conv=fsync");
    await expect(bench.open(options)).rejects.toThrow(
      /its thin metadata is blank although the pool is complete/,
    );
    expect(bench.dmNames()).not.toContain(stack.poolDevice);
    expect(bench.mounts()).toEqual([]);
  });

  test("on thin metadata that thin_check refuses", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    await withoutPool(stack);
    sh("dd", "if=/dev/urandom", `of=${stack.metadataPath}`, "bs=4096", "count=1", "conv=fsync");
    await expect(bench.open(options)).rejects.toThrow(/thin_check finds its metadata damaged/);
  });

  test("with a catalog whose filesystem needs a person", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    await stack.release();
    sh("dd", "if=/dev/urandom", "of=/dev/mapper/dmthin-bench-catalog", "bs=1M", "count=64", "conv=fsync");
    await expect(bench.open(options)).rejects.toThrow(/the catalog's filesystem cannot be used: .*e2fsck/);
  });
});

describe("what is active already", () => {
  test("with another table is named with both tables and left as it is", async () => {
    const options = bench.loop();
    await bench.complete(options);
    const before = sh("dmsetup", "table", "dmthin-bench-spare").trim();
    const changed = before.replace(/ 2048$/, " 2056").replace(/^0 8192/, "0 8184");
    sh("dmsetup", "load", "dmthin-bench-spare", "--table", changed);
    sh("dmsetup", "resume", "dmthin-bench-spare");
    await expect(bench.open(options)).rejects.toThrow(`it is "${changed}", it must be "${before}"`);
    expect(sh("dmsetup", "table", "dmthin-bench-spare").trim()).toBe(changed);
  });

  test("under our name but not ours is left as it is", async () => {
    sh("dmsetup", "create", "dmthin-bench-meta", "--uuid", "DMTHIN-somebody", "--table", "0 2048 zero");
    await expect(bench.open(bench.loop())).rejects.toThrow(
      /dm device dmthin-bench-meta \(DMTHIN-somebody\) is in the way of dmthin-bench-meta/,
    );
    expect(sh("dmsetup", "table", "dmthin-bench-meta").trim()).toBe("0 2048 zero");
  });

  test("under our name, made by another program, is left as it is", async () => {
    sh("dmsetup", "create", "dmthin-bench-meta", "--uuid", "LVM-somebody", "--table", "0 2048 zero");
    await expect(bench.open(bench.loop())).rejects.toThrow(
      /dmthin-bench-meta cannot be created: the name is taken/,
    );
    sh("dmsetup", "remove", "dmthin-bench-meta");
  });

  test("but suspended, without a table, or with a second one goes on", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    await withoutPool(stack);
    sh("dmsetup", "suspend", "dmthin-bench-data");
    sh("dmsetup", "load", "dmthin-bench-spare", "--table", "0 8192 zero");
    sh("dmsetup", "remove", "dmthin-bench-catalog");
    sh("dmsetup", "create", "dmthin-bench-catalog", "--uuid", `DMTHIN-${stack.uuid}-catalog`, "--notable");
    await bench.open(options);
    const devices = await bench.dmsetup.list();
    expect(devices.filter((device) => device.suspended || device.inactiveTable || !device.liveTable)).toEqual(
      [],
    );
    expect(devices).toHaveLength(5);
  });

  test("at the catalog's place is not unmounted if it is something else", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    await stack.release();
    madeDirectory(stack.catalogPath);
    sh("mount", "-t", "tmpfs", "somebody", stack.catalogPath);
    const failure = bench.open(options);
    await expect(failure).rejects.toThrow(/shows somebody \(0:\d+\), not the catalog/);
    expect(bench.mounts()).toContain(stack.catalogPath);
  });

  test("in a mount namespace of a process that lives on is shared with it", async () => {
    const options = bench.loop();
    const stack = await bench.complete(options);
    const holder = spawn(
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep 600"],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    await once(holder.stdout, "data");
    await stack.release();
    await bench.open(options);
    expect(bench.reports).toEqual([expect.stringMatching(/mounted elsewhere too/)]);
    holder.kill("SIGKILL");
    await once(holder, "exit");
  });
});

describe("the thin-pool's table", () => {
  test.each([
    ["by default", {}, "1 error_if_no_space"],
    [
      "that queues, does not zero, and keeps discards",
      { whenFull: "queue", zeroing: false, discard: false } as const,
      "2 skip_block_zeroing no_discard_passdown",
    ],
  ])("%s", async (_what, changes, features) => {
    const stack = await bench.open(bench.loop(changes));
    expect(sh("dmsetup", "table", stack.poolDevice).trim()).toMatch(
      new RegExp(`^0 524288 thin-pool \\S+ \\S+ 128 819 ${features}$`),
    );
  });

  test("takes larger blocks", async () => {
    const options = bench.loop();
    const stack = await bench.open({ ...options, blockSize: options.dataSize });
    expect(await bench.dmsetup.poolStatus(stack.poolDevice, { flush: false })).toMatchObject({
      totalData: 1n,
    });
  });
});
