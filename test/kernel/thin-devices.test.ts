import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DamagedVolumeError, PreconditionError } from "../../src/core/errors.ts";
import type { ThinId } from "../../src/core/ids.ts";
import { objectKey, volumeId } from "../../src/core/ids.ts";
import type { Bytes } from "../../src/core/units.ts";
import { MIB, sectors } from "../../src/core/units.ts";
import { MessageQueue } from "../../src/pool/queue.ts";
import { ThinDevices } from "../../src/pool/thin-devices.ts";
import { PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";
import { thin } from "../support/records.ts";

const KEY = objectKey("0".repeat(19) + "1");
const LENGTH = sectors(65_536);

let bench: PoolBench;
let devices: ThinDevices;
let target: { readonly device: string; readonly path: string };
/** Mapped bytes as noted when a thin became inactive. */
let noted: Map<ThinId, Bytes>;
let step: Parameters<ThinDevices["activate"]>[0];

beforeEach(async () => {
  bench = await PoolBench.create();
  const options = bench.loop();
  const stack = await bench.open(options);
  noted = new Map();
  devices = new ThinDevices({
    dmsetup: bench.dmsetup,
    queue: new MessageQueue(options.name, 10_000),
    poolDevice: stack.poolDevice,
    poolNumber: stack.poolNumber,
    poolName: options.name,
    poolUuid: stack.uuid,
    onInactive: (thinId, mapped) => noted.set(thinId, mapped),
  });
  const name = devices.targetOf(volumeId(stack.uuid, KEY));
  step = { ...name, thinId: thin(1), length: LENGTH };
  target = { device: name.device, path: `/dev/mapper/${name.device}` };
  for (const id of [1, 2]) await bench.dmsetup.message(stack.poolDevice, `create_thin ${id}`);
});
afterEach(() => bench.clear());

describe("a device that a crash left without a table", () => {
  beforeEach(() => {
    sh("dmsetup", "create", step.device, "--uuid", step.uuid, "--notable");
  });

  test("is made anew when the volume is activated", async () => {
    await devices.activate(step);
    expect(sh("dmsetup", "table", target.device)).toMatch(/^0 65536 thin \S+ 1$/m);
  });

  test("is removed when the volume is deactivated", async () => {
    await devices.deactivate(step);
    expect(bench.dmNames()).not.toContain(target.device);
    expect(noted).toEqual(new Map());
  });
});

test("a device of the right size that shows another thin is refused", async () => {
  await devices.activate({ ...step, thinId: thin(2) });
  await expect(devices.activate(step)).rejects.toThrow(DamagedVolumeError);
  expect(sh("dmsetup", "table", target.device)).toMatch(/ 2$/m);
});

describe("what is noted of a thin that became inactive", () => {
  test("is what it maps", async () => {
    await devices.activate(step);
    sh("dd", "if=/dev/urandom", `of=${target.path}`, "bs=1M", "count=2", "conv=fsync");
    await devices.deactivate(step);
    expect(noted).toEqual(new Map([[thin(1), 2n * MIB]]));
  });

  test("is never less than what somebody still wrote while the device was being removed", async () => {
    await devices.activate(step);
    const writer = await open(target.path, "r+");
    await writer.write(Buffer.alloc(Number(MIB), 7));
    const removal = devices.deactivate(step);
    await sleep(300);
    await writer.close();
    await removal;
    // Nothing where the last try of the removal saw it open and then came too late for its EBUSY.
    expect([undefined, MIB]).toContain(noted.get(thin(1)));
  });

  test("is nothing where it stays open", async () => {
    await devices.activate(step);
    await using _reader = await open(target.path, "r");
    await expect(devices.deactivate(step)).rejects.toThrow(PreconditionError);
    expect(noted).toEqual(new Map());
  });
});
