/**
 * A ThinPool over a scripted kernel and a catalog in memory: for what it does when a step of it fails. No thin is ever
 * active here. It proves nothing about kernels.
 */
import { devNumber } from "../../src/core/dm.ts";
import { ToolError } from "../../src/core/errors.ts";
import { poolDeviceName } from "../../src/core/ids.ts";
import type { ThinId } from "../../src/core/ids.ts";
import { Operations } from "../../src/core/operations.ts";
import type { CatalogContent, Change } from "../../src/core/records.ts";
import { bytes, dataBlocks, KIB, metaBlocks } from "../../src/core/units.ts";
import { Dmsetup } from "../../src/host/dmsetup.ts";
import type { Runner } from "../../src/host/run.ts";
import type { PoolCondition } from "../../src/pool/engine.ts";
import { MessageQueue } from "../../src/pool/queue.ts";
import { PoolSpace } from "../../src/pool/space.ts";
import { PoolState } from "../../src/pool/state.ts";
import { ThinDevices } from "../../src/pool/thin-devices.ts";
import { ThinPool } from "../../src/pool/thin-pool.ts";
import { NO_GROWTH } from "./memory-pool.ts";
import { catalogContent, POOL_NAME, POOL_UUID } from "./records.ts";

const POOL = poolDeviceName(POOL_NAME, "pool");
const BLOCK = bytes(64n * KIB);
/** 4 GiB of data, 64 MiB of metadata. */
const TOTAL_DATA = 65536n;
const TOTAL_META = 16384n;

export interface ThinPoolBench {
  readonly pool: ThinPool;
  /** Thins that the kernel has. */
  readonly thins: Set<number>;
  /** Messages in the order in which they came, those that failed included. */
  readonly messages: string[];
  readonly commits: (readonly Change[])[];
  /** How often the kernel was asked how the pool is. */
  looks: number;
  /** The kernel's word for how the pool is. */
  mode: "rw" | "out_of_data_space";
  /** And for what becomes of discards. */
  discard: "discard_passdown" | "no_discard_passdown";
  /** The errno that a message gets instead of being done; undefined: it is done. */
  failMessage: (message: string) => string | undefined;
  /** Throws where the catalog is to fail. */
  beforeCommit: (changes: readonly Change[]) => void;
  /** Told of each step that was done. */
  afterStep: () => void;
  /** By other hands. */
  setTransactionId: (id: bigint) => void;
}

export interface BenchOptions {
  readonly content?: Partial<CatalogContent>;
  readonly thins?: readonly ThinId[];
  readonly condition?: PoolCondition;
}

export function thinPoolBench(options: BenchOptions = {}): ThinPoolBench {
  const content = catalogContent(options.content);
  let transactionId = content.pool.transactionId;
  const bench = {
    thins: new Set<number>(options.thins),
    messages: [] as string[],
    commits: [] as (readonly Change[])[],
    looks: 0,
    mode: "rw" as ThinPoolBench["mode"],
    discard: "discard_passdown" as ThinPoolBench["discard"],
    failMessage: (_message: string): string | undefined => undefined,
    beforeCommit: (_changes: readonly Change[]): void => {},
    afterStep: (): void => {},
    setTransactionId: (id: bigint): void => {
      transactionId = id;
    },
  };

  function errnoOfMessage(message: string): string | undefined {
    const [verb, first = "", second = ""] = message.split(" ");
    const refused = bench.failMessage(message);
    if (refused !== undefined) return refused;
    if (verb === "set_transaction_id") {
      if (BigInt(first) !== transactionId) return "EINVAL";
      transactionId = BigInt(second);
      return undefined;
    }
    const id = Number(first);
    if (verb === "delete") return bench.thins.delete(id) ? undefined : "ENODATA";
    if (bench.thins.has(id)) return "EEXIST";
    if (verb === "create_snap" && !bench.thins.has(Number(second))) return "ENODATA";
    bench.thins.add(id);
    return undefined;
  }

  const runner: Runner = {
    started: 0,
    holding: () => runner,
    run: async (tool, args) => {
      if (args[0] === "message") {
        const message = args[3] ?? "";
        bench.messages.push(message);
        const errno = errnoOfMessage(message);
        if (errno !== undefined)
          throw new ToolError({ argv: [tool, ...args], exitCode: 1, stderr: errno, errno });
        return { stdout: "", stderr: "", exitCode: 0 };
      }
      // There are no devices.
      if (args[0] === "info") return { stdout: "", stderr: "", exitCode: 0 };
      bench.looks += 1;
      const stdout = `0 8388608 thin-pool ${transactionId} 100/${TOTAL_META} 0/${TOTAL_DATA} - ${bench.mode} ${bench.discard} error_if_no_space - 1024 \n`;
      return { stdout, stderr: "", exitCode: 0 };
    },
  };
  const dmsetup = new Dmsetup(runner);
  const queue = new MessageQueue(POOL_NAME, 1000);
  const state = new PoolState(content, BLOCK, new Set());
  const pool = new ThinPool({
    name: POOL_NAME,
    uuid: POOL_UUID,
    blockSize: BLOCK,
    zeroesNewBlocks: true,
    overprovision: 1,
    discardOnDelete: false,
    report: () => {},
    state,
    catalog: {
      load: async () => content,
      commit: async (changes) => {
        bench.beforeCommit(changes);
        bench.commits.push(changes);
      },
      close: async () => {},
    },
    operations: new Operations(),
    status: {
      kind: "active",
      transactionId,
      usedMeta: metaBlocks(100),
      totalMeta: metaBlocks(TOTAL_META),
      usedData: dataBlocks(0),
      totalData: dataBlocks(TOTAL_DATA),
      mode: "rw",
      discard: "discard_passdown",
      whenFull: "error_if_no_space",
      needsCheck: false,
    },
    condition: options.condition ?? { kind: "ready" },
    onFill: () => {},
    growTo: async () => {},
    growAsAsked: async () => NO_GROWTH,
    space: new PoolSpace({
      name: POOL_NAME,
      blockSize: BLOCK,
      metadataPath: "/dev/mapper/meta",
      poolDevice: POOL,
      dmsetup,
      runner,
      queue,
      operations: new Operations(),
      now: () => new Date(0),
    }),
    now: () => new Date(0),
    stamp: () => ({ createdAt: new Date(0).toISOString() }),
    disks: () => [],
    hands: {
      poolDevice: POOL,
      dmsetup,
      runner,
      guard: { arm: () => Promise.reject(new Error("nothing is active here")), close: () => {} },
      queue,
      isSuspended: () => true,
      devices: new ThinDevices({
        dmsetup,
        queue,
        poolDevice: POOL,
        poolNumber: devNumber(254, 0),
        poolName: POOL_NAME,
        poolUuid: POOL_UUID,
        onInactive: (thinId, mapped) => state.mapped.set(thinId, mapped),
      }),
      afterStep: async () => bench.afterStep(),
    },
  });
  return Object.assign(bench, { pool });
}
