import { Registry } from "prom-client";
import { expect, test } from "vitest";

import { PoolUnavailableError } from "../../../src/core/errors.ts";
import { DriverMetrics } from "../../../src/monitor/driver-metrics.ts";
import { MessageQueue } from "../../../src/pool/queue.ts";

const linesOf = async (registry: Registry): Promise<readonly string[]> =>
  (await registry.metrics()).split("\n");

test("calls are counted by method and code, with their time", async () => {
  const registry = new Registry();
  const metrics = new DriverMetrics(registry);
  metrics.rpcEnded("CreateVolume", "OK", 120);
  metrics.rpcEnded("CreateVolume", "OK", 3000);
  metrics.rpcEnded("CreateVolume", "RESOURCE_EXHAUSTED", 1);
  const lines = await linesOf(registry);
  expect(lines).toContain('dmthin_rpc_duration_seconds_count{method="CreateVolume",code="OK"} 2');
  expect(lines).toContain('dmthin_rpc_duration_seconds_sum{method="CreateVolume",code="OK"} 3.12');
  expect(lines).toContain('dmthin_rpc_duration_seconds_bucket{le="0.25",method="CreateVolume",code="OK"} 1');
  expect(lines).toContain(
    'dmthin_rpc_duration_seconds_count{method="CreateVolume",code="RESOURCE_EXHAUSTED"} 1',
  );
});

test("commands are counted by tool and exit code, also those that a signal ended", async () => {
  const registry = new Registry();
  const metrics = new DriverMetrics(registry);
  metrics.commandEnded("dmsetup", 0, 500);
  metrics.commandEnded("dmsetup", undefined, 1500);
  const lines = await linesOf(registry);
  expect(lines).toContain('dmthin_commands_total{tool="dmsetup",exit_code="0"} 1');
  expect(lines).toContain('dmthin_commands_total{tool="dmsetup",exit_code="none"} 1');
  expect(lines).toContain('dmthin_command_seconds_total{tool="dmsetup"} 2');
});

test("a pool that is introduced has its counters at 0, before anything has happened", async () => {
  const registry = new Registry();
  const metrics = new DriverMetrics(registry);
  metrics.introduce(["fast"]);
  const lines = await linesOf(registry);
  expect(lines).toContain('dmthin_pool_life_events_total{pool="fast",event="given-up"} 0');
  expect(lines).toContain('dmthin_recovered_operations_total{pool="fast",outcome="settled"} 0');
  expect(lines).toContain('dmthin_pool_suspend_duration_seconds_count{pool="fast"} 0');
  expect(lines).toContain('dmthin_suspended_devices_found_total{outcome="resumed"} 0');
});

test("the queue of a pool tells waits, turns and refusals", async () => {
  const registry = new Registry();
  const metrics = new DriverMetrics(registry);
  const queue = new MessageQueue("fast", 1000, metrics);
  const slow = Promise.withResolvers<undefined>();
  const first = queue.run("create_thin 1", () => slow.promise);
  const second = queue.run("create_thin 2", async () => undefined);
  slow.resolve(undefined);
  await Promise.all([first, second]);
  queue.close("its catalog failed");
  await expect(queue.run("create_thin 3", async () => undefined)).rejects.toThrow(PoolUnavailableError);
  const lines = await linesOf(registry);
  expect(lines).toContain('dmthin_pool_queue_wait_seconds_count{pool="fast"} 2');
  expect(lines).toContain('dmthin_pool_queue_turn_seconds_count{pool="fast"} 2');
  expect(lines).toContain('dmthin_pool_queue_refusals_total{pool="fast"} 1');
});
