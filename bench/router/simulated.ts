/**
 * The nodes of bench/router.ts, in a process of their own, so that what the router uses is the router's alone.
 * `simulated.ts COUNT VOLUMES`: so many nodes, each with a pool of so many volumes. A message is a `NodesCommand`, each is
 * answered by one `NodesAnswer`; the first answer comes unasked, when all nodes are there.
 */
import { isPoolUuid, objectKey, volumeId } from "../../src/core/ids.ts";
import { bytes, GIB } from "../../src/core/units.ts";
import { STATE_TIMES } from "../../src/route/node-state.ts";
import { startNode } from "../../test/support/fleet-bench.ts";
import { MemoryPool } from "../../test/support/memory-pool.ts";
import { volumeRecord } from "../../test/support/records.ts";

/** `count`: how often FindNames was answered. `report`: every pool has `room` bytes, and its node tells so. */
export type NodesCommand = { readonly kind: "count" } | { readonly kind: "report"; readonly room: string };

export interface NodesAnswer {
  readonly ports: readonly number[];
  /** Of FindNames, of all nodes since they were started. */
  readonly questions: number;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** Of the pool of a node, and of the volumes in it. */
export const poolUuidOf = (node: number): string => hex(node + 1, 32);
export function volumeIdOf(node: number, volume: number): string {
  const uuid = poolUuidOf(node);
  if (!isPoolUuid(uuid)) throw new RangeError(uuid);
  return volumeId(uuid, objectKey(hex(volume + 1, 20)));
}

function poolOf(node: number, volumes: number): MemoryPool {
  const pool = new MemoryPool("fast", poolUuidOf(node));
  for (let each = 0; each < volumes; each += 1) {
    const key = objectKey(hex(each + 1, 20));
    const name = `pvc-${node}-${each}`;
    pool.putVolume(volumeRecord(each, { id: volumeId(pool.uuid, key), name, size: bytes(GIB) }));
  }
  return pool;
}

async function serve(count: number, volumes: number): Promise<void> {
  const nodes = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startNode(`node-${index}`, poolOf(index, volumes), STATE_TIMES),
    ),
  );
  const tell = (): void => {
    const questions = nodes.reduce((sum, { answered }) => sum + (answered.get("FindNames") ?? 0), 0);
    const answer: NodesAnswer = { ports: nodes.map(({ port }) => port), questions };
    process.send?.(answer);
  };
  process.on("message", (command: NodesCommand) => {
    if (command.kind === "report") {
      for (const { pool, feed } of nodes) {
        pool.room = bytes(BigInt(command.room));
        feed.poke();
      }
    }
    tell();
  });
  process.on("disconnect", () => process.exit(0));
  tell();
}

if (import.meta.main) {
  const [count = 0, volumes = 0] = process.argv.slice(2).map(Number);
  await serve(count, volumes);
}
