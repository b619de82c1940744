import { Writable } from "node:stream";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { Operations } from "../../../src/core/operations.ts";
import { bytes } from "../../../src/core/units.ts";
import { nodeServices } from "../../../src/route/node-services.ts";
import { StateFeed } from "../../../src/route/node-state.ts";
import { until } from "../../support/fleet-bench.ts";
import { MemoryMounts } from "../../support/memory-mounts.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { recordingLog } from "../../support/recording-log.ts";

test("a stream whose reports are not read ends with a status, and no more is kept for it", async () => {
  const { log } = recordingLog();
  const pool = new MemoryPool("fast", "a");
  const pools = memoryPools([pool]);
  const node = { name: "node-a", topology: "node-a", maxVolumes: 0 };
  const driver = { version: "1", node, mounts: new MemoryMounts(), pools: () => pools };
  const times = { heartbeatMs: 60_000, settleMs: 0, reportMs: 60_000 };
  const feed = new StateFeed({ driver, report: async () => [] }, times);
  const services = nodeServices({ driver, operations: new Operations(), feed }, { log });
  const follow = services.at(-1)?.implementation["Follow"] as (call: Writable) => void;
  const problems: unknown[] = [];
  // As grpc-js has it: what comes as an error is the status, and is sent at the end of the stream.
  const call = Object.assign(new Writable({ objectMode: true, write: () => {} }), {
    request: { cluster_uid: "" },
  });
  call.on("error", (error) => void problems.push(error));
  follow(call);
  let told = 0;
  const leave = feed.listen({ tell: () => void (told += 1), end: () => {} });
  for (let room = 1; room <= 50; room += 1) {
    pool.room = bytes(room);
    const before = told;
    feed.poke();
    await until(() => told > before);
  }
  leave();
  expect(problems).toMatchObject([{ code: status.ABORTED, message: "reports are not read" }]);
  expect([call.destroyed, call.writableLength]).toEqual([false, 32]);
});
