/** fio on a raw device: bytes a second of one short run. */
import { timed } from "./command.ts";

export interface Load {
  readonly name: string;
  readonly rw: "randwrite" | "write" | "randread" | "read";
  readonly blockSize: string;
  /** The part of the device that is used. */
  readonly mebibytes: number;
  readonly depth: number;
}

/** 4 KiB at random and 1 MiB in sequence: what a database does, and what a copy does. */
export const LOADS: readonly Load[] = [
  { name: "4k random write", rw: "randwrite", blockSize: "4k", mebibytes: 128, depth: 16 },
  { name: "1M sequential write", rw: "write", blockSize: "1M", mebibytes: 128, depth: 4 },
];

export const READS: readonly Load[] = [
  { name: "4k random read", rw: "randread", blockSize: "4k", mebibytes: 128, depth: 16 },
  { name: "1M sequential read", rw: "read", blockSize: "1M", mebibytes: 128, depth: 4 },
];

interface FioReport {
  readonly jobs: readonly Readonly<Record<"read" | "write", { readonly bw_bytes: number }>>[];
}

/** Ends after `milliseconds`, or when the part of the device is written once. The same places for the same `seed`. */
export async function fio(device: string, load: Load, milliseconds: number, seed = 1): Promise<number> {
  const { stdout } = await timed(
    "fio",
    "--name=bench",
    `--filename=${device}`,
    `--rw=${load.rw}`,
    `--bs=${load.blockSize}`,
    `--size=${load.mebibytes}M`,
    `--iodepth=${load.depth}`,
    `--randseed=${seed}`,
    `--runtime=${milliseconds}ms`,
    "--ioengine=libaio",
    "--direct=1",
    "--end_fsync=1",
    "--thread",
    "--output-format=json",
  );
  const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as FioReport;
  const [job] = report.jobs;
  if (job === undefined) throw new Error(`fio reported nothing: ${stdout}`);
  return load.rw.endsWith("read") ? job.read.bw_bytes : job.write.bw_bytes;
}
