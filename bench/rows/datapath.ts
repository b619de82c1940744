/**
 * The kernel's own cost of thin volumes: fio on a thin beside dm-linear on the same disk, for each block size, with zeroing
 * and without; on fresh blocks, on blocks that are there, and on blocks that a snapshot shares.
 */
import { type DataPoint, type State, STATES } from "../model/data-path.ts";
import { median } from "../model/statistics.ts";
import { timed } from "../sides/command.ts";
import { fio, type Load, LOADS, READS } from "../sides/fio.ts";
import { type Context, diskOf } from "./context.ts";

const BLOCKS_KIB = [64, 128, 256, 512, 1024] as const;
const NAME = "benchdata";
const META_MIB = 128;
const DATA_MIB = 4096;
const THIN_MIB = 512;
const SECTORS = 2048; // of a MiB
const RUN_MS = 500;
const REPEATS = 3;

class DataPath {
  readonly #disk: string;
  readonly #zeroing: boolean;
  readonly #blockKib: number;

  constructor(disk: string, blockKib: number, zeroing: boolean) {
    this.#disk = disk;
    this.#blockKib = blockKib;
    this.#zeroing = zeroing;
  }

  async make(): Promise<void> {
    const linear = (name: string, mebibytes: number, from: number): Promise<unknown> =>
      create(name, `0 ${mebibytes * SECTORS} linear ${this.#disk} ${from * SECTORS}`);
    await linear("meta", META_MIB, 0);
    await linear("data", DATA_MIB, META_MIB);
    // Of the same disk, behind the pool.
    await linear("linear", THIN_MIB, META_MIB + DATA_MIB);
    await timed("dd", "if=/dev/zero", `of=${path("meta")}`, "bs=4k", "count=1", "oflag=direct");
    const features = ["error_if_no_space", ...(this.#zeroing ? [] : ["skip_block_zeroing"])];
    const words = [path("meta"), path("data"), this.#blockKib * 2, 0, features.length, ...features];
    await create("pool", `0 ${DATA_MIB * SECTORS} thin-pool ${words.join(" ")}`);
  }

  /** A thin in that state, for a load that writes `mebibytes`. */
  async thin(id: number, state: State, mebibytes: number): Promise<void> {
    await message(`create_thin ${id}`);
    await create("thin", `0 ${THIN_MIB * SECTORS} thin ${path("pool")} ${id}`);
    if (state === "fresh") return;
    await timed("dd", "if=/dev/zero", `of=${path("thin")}`, "bs=1M", `count=${mebibytes}`, "oflag=direct");
    if (state === "overwritten") return;
    await timed("dmsetup", "suspend", `${NAME}-thin`);
    await message(`create_snap ${id + 1} ${id}`);
    await timed("dmsetup", "resume", `${NAME}-thin`);
  }

  async drop(id: number, state: State): Promise<void> {
    await timed("dmsetup", "remove", "--retry", `${NAME}-thin`);
    await message(`delete ${id}`);
    if (state === "after snapshot") await message(`delete ${id + 1}`);
  }

  async clear(): Promise<void> {
    for (const name of ["pool", "linear", "data", "meta"])
      await timed("dmsetup", "remove", "--retry", `${NAME}-${name}`);
  }
}

const path = (name: string): string => `/dev/mapper/${NAME}-${name}`;
const create = (name: string, table: string): Promise<unknown> =>
  timed("dmsetup", "create", `${NAME}-${name}`, "--table", table);
const message = (text: string): Promise<unknown> => timed("dmsetup", "message", `${NAME}-pool`, "0", text);

/** Thin and linear in turn, each time on a thin that is made anew. */
async function point(dataPath: DataPath, load: Load, state: State): Promise<readonly [number, number]> {
  const [thin, linear]: [number[], number[]] = [[], []];
  for (let repeat = 1; repeat <= REPEATS; repeat += 1) {
    const id = repeat * 2;
    await dataPath.thin(id, state, load.mebibytes);
    thin.push(await fio(path("thin"), load, RUN_MS, repeat));
    linear.push(await fio(path("linear"), load, RUN_MS, repeat));
    await dataPath.drop(id, state);
  }
  return [median(thin) / 2 ** 20, median(linear) / 2 ** 20];
}

export async function measureDataPath(context: Context): Promise<void> {
  const points: DataPoint[] = [];
  for (const blockKib of BLOCKS_KIB) {
    for (const zeroing of [true, false]) {
      context.say(`blocks of ${blockKib} KiB, zeroing ${zeroing ? "on" : "off"}`);
      const dataPath = new DataPath(diskOf(context, 3), blockKib, zeroing);
      await dataPath.make();
      for (const load of [...LOADS, ...READS]) {
        for (const state of STATES) {
          // Zeroing is of fresh blocks; reading a fresh block reads nothing; a snapshot changes no read.
          const reads = load.rw.endsWith("read");
          if ((!zeroing && state !== "fresh") || (reads && state !== "overwritten")) continue;
          const [thinMibS, linearMibS] = await point(dataPath, load, state);
          const share = thinMibS / linearMibS;
          points.push({ blockKib, zeroing, load: load.name, state, share, thinMibS, linearMibS });
        }
      }
      await dataPath.clear();
    }
  }
  const shares = points.map(({ share }) => share);
  context.found("datapath", {
    value: median(shares),
    spread: [Math.min(...shares), Math.max(...shares)],
    details: { points, milliseconds: RUN_MS, repeats: REPEATS },
    note: "median of all points, lowest to highest; the table by block size is below",
  });
}
