/** Resident memory of the driver's process: idle, and after ten thousand calls. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { DmthinSide } from "../sides/dmthin.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";

const OPERATIONS = 10_000;
/** One life: created and deleted, each again as a sidecar's retry, and three times looked at in two ways. */
const CALLS_A_LIFE = 10;
const LOOKS = 3;
const AT_ONCE = 8;
const SIZE = 16n << 20n;
const SETTLE_MS = 5000;

function residentMebibytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} tells no VmRSS`);
  return Number(kib) / 1024;
}

export async function measureMemory(context: Context): Promise<void> {
  const { say, found, wanted } = context;
  const dmthin = new DmthinSide({ disk: diskOf(context, 0), pool: "memory" });
  try {
    await dmthin.start("info");
    await sleep(SETTLE_MS);
    const { pid } = dmthin.driver;
    const idle = residentMebibytes(pid);
    const which = "`dmthin all`, which has every service and does not load the Kubernetes client";
    found("rss", { value: idle, note: `${which}; a node of a cluster has certificates besides, some 15 MB` });
    if (!wanted.has("rss-growth")) return;
    say(`${OPERATIONS} calls, ${AT_ONCE} at a time`);
    const lives = Array.from({ length: OPERATIONS / CALLS_A_LIFE }, (_one, number) => number).values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => live(dmthin, lives)));
    await sleep(SETTLE_MS);
    const after = residentMebibytes(pid);
    found("rss-growth", {
      value: after - idle,
      details: { idle, after, operations: OPERATIONS },
      note: `${OPERATIONS / CALLS_A_LIFE} volumes: created and deleted, each twice, and looked at between`,
    });
  } finally {
    await takeAllDown(context, () => dmthin.clear());
  }
}

async function live({ life, csi }: DmthinSide, numbers: Iterable<number>): Promise<void> {
  for (const number of numbers) {
    const volume = await life.create(`memory-${number}`, "block", SIZE);
    await life.create(`memory-${number}`, "block", SIZE);
    for (let look = 0; look < LOOKS; look += 1) {
      await csi.controller.listVolumes({ max_entries: 10 });
      await csi.controller.controllerGetVolume({ volume_id: volume.id });
    }
    await life.delete(volume);
    await life.delete(volume);
  }
}
