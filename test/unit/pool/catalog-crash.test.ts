import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openCatalog } from "../../../src/pool/catalog.ts";
import { poolRecord } from "../../support/records.ts";

const WRITER = join(import.meta.dirname, "../../support/catalog-writer.ts");
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmthin-catalog-"));
  path = join(directory, "catalog.db");
});

afterEach(() => rmSync(directory, { recursive: true }));

/** How many volumes the catalog holds; they are numbered without a gap. */
async function recorded(): Promise<number> {
  const catalog = await openCatalog(path, { deadlineMs: 20_000, create: poolRecord() });
  const { volumes } = await catalog.load();
  await catalog.close();
  expect(volumes.map((volume) => Number(volume.thinId))).toStrictEqual(volumes.map((_, index) => index + 1));
  return volumes.length;
}

describe("kill -9 of the process", () => {
  test("in the middle of commits keeps every acknowledged one", async () => {
    let acknowledged = 0;
    for (const acks of [1, 7, 40, 133]) {
      const child = spawn(process.execPath, [WRITER, path, "100000"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const stop = acknowledged + acks;
      for await (const line of createInterface({ input: child.stdout })) {
        const number = Number(/^ack (\d+)$/.exec(line)?.[1] ?? 0);
        acknowledged = Math.max(acknowledged, number);
        if (number === stop) child.kill("SIGKILL");
      }
      const count = await recorded();
      expect(count).toBeGreaterThanOrEqual(acknowledged);
      // At most the one commit whose acknowledgement the kill cut off.
      expect(count).toBeLessThanOrEqual(acknowledged + 1);
      acknowledged = count;
    }
    expect(acknowledged).toBeGreaterThanOrEqual(181);
  }, 60_000);

  test("while the catalog is made leaves none or a whole one", async () => {
    for (let ms = 40; ms <= 160; ms += 10) {
      rmSync(path, { force: true });
      const child = spawn(process.execPath, [WRITER, path, "0"], { stdio: "ignore" });
      const ended = once(child, "exit");
      await delay(ms);
      child.kill("SIGKILL");
      await ended;
      expect(await recorded()).toBe(0);
    }
  }, 60_000);
});

test("a disk without room freezes the catalog; what was acknowledged stays", async () => {
  // The limit on the size of files (in KiB) makes the kernel refuse the write, as a full disk does.
  const command = `ulimit -f 300; exec "$0" "$@"`;
  const child = spawn("bash", ["-c", command, process.execPath, WRITER, path, "1000", "3000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  expect(lines.slice(-2)).toStrictEqual(["first outcome-unknown", "second pool-unavailable"]);
  const acknowledged = lines.filter((line) => line.startsWith("ack")).length;
  expect(acknowledged).toBeGreaterThan(3);
  const count = await recorded();
  expect(count - acknowledged).toBeOneOf([0, 1]);
}, 30_000);
