import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, expect, test } from "vitest";

import { ToolError } from "../../../src/core/errors.ts";
import { poolDeviceName } from "../../../src/core/ids.ts";
import { PoolWatch } from "../../../src/pool/watch.ts";
import { POOL_NAME } from "../../support/records.ts";

/** A device whose events a test makes. */
class Device {
  events = 0;
  failure: string | undefined;
  readonly waits: (number | undefined)[] = [];
  #wake = Promise.withResolvers<void>();

  async eventNumber(): Promise<number> {
    if (this.failure !== undefined)
      throw new ToolError({ argv: [], exitCode: 1, stderr: "", errno: this.failure });
    return this.events;
  }

  async waitForEvent(
    _name: string,
    seen: number,
    { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<void> {
    this.waits.push(timeoutMs);
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve());
    const late = timeoutMs === undefined ? [] : [sleep(timeoutMs, "late" as const)];
    while (this.events === seen && this.failure === undefined) {
      if ((await Promise.race([this.#wake.promise, aborted.promise, ...late])) === "late")
        throw new ToolError({ argv: [], exitCode: undefined, stderr: "", errno: "ETIMEDOUT" });
      if (signal.aborted) throw new ToolError({ argv: [], exitCode: undefined, stderr: "killed" });
    }
  }

  event(): void {
    this.events += 1;
    this.wake();
  }

  wake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

const opened: PoolWatch[] = [];
afterEach(() => {
  for (const watch of opened.splice(0)) watch.close();
});

function watching(device: Device, look: (events: number) => Promise<number | undefined>): string[] {
  const reports: string[] = [];
  const watch = new PoolWatch({
    dmsetup: device,
    device: poolDeviceName(POOL_NAME, "pool"),
    look,
    report: (level, message) => reports.push(`${level} ${message}`),
  });
  opened.push(watch);
  watch.start();
  return reports;
}

const settled = (): Promise<void> => sleep(20);

test("it looks at once, and again at each event", async () => {
  const device = new Device();
  const looks: number[] = [];
  watching(device, async (events) => void looks.push(events));
  await settled();
  device.event();
  await settled();
  device.event();
  await settled();
  expect(looks).toEqual([0, 1, 2]);
  expect(device.waits).toEqual([undefined, undefined, undefined]);
});

test("what happens during a look is not missed", async () => {
  const device = new Device();
  const looks: number[] = [];
  watching(device, async (events) => {
    looks.push(events);
    if (events === 0) device.event();
    return undefined;
  });
  await settled();
  expect(looks).toEqual([0, 1]);
});

test("without an event it looks again when the look asks for it", async () => {
  const device = new Device();
  let looks = 0;
  watching(device, async () => ((looks += 1) < 3 ? 5 : undefined));
  await sleep(100);
  expect(looks).toBe(3);
  expect(device.waits).toEqual([5, 5, undefined]);
});

test("it ends when the device is gone, and says so", async () => {
  const device = new Device();
  const reports = watching(device, async () => undefined);
  await settled();
  device.failure = "ENXIO";
  device.wake();
  await settled();
  expect(reports).toEqual([expect.stringMatching(/^warn .* was removed; it is watched no longer$/)]);
});

test("closed, it neither waits nor looks any more, and says nothing", async () => {
  const device = new Device();
  let looks = 0;
  const reports = watching(device, async () => void (looks += 1));
  await settled();
  opened[0]?.close();
  device.event();
  await settled();
  expect([looks, reports]).toEqual([1, []]);
});

test("a look that fails is reported", async () => {
  const reports = watching(new Device(), () => Promise.reject(new Error("stuck")));
  await settled();
  expect(reports).toEqual([expect.stringMatching(/^error .*: its events cannot be waited for: stuck$/)]);
});
