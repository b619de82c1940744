/** What a process has moved to and from block devices so far, by the kernel's own account of it. */
import { readFileSync } from "node:fs";

import { type Bytes, bytes } from "../core/units.ts";

/** Of all its threads. What the page cache gave does not count, what is read twice counts twice. */
export interface ProcessIo {
  readonly read: Bytes;
  readonly written: Bytes;
}

/** The text of /proc/PID/io, see proc_pid_io(5). Undefined for what is none. */
export function parseProcessIo(text: string): ProcessIo | undefined {
  const [, read] = /^read_bytes: (\d{1,20})$/m.exec(text) ?? [];
  const [, written] = /^write_bytes: (\d{1,20})$/m.exec(text) ?? [];
  if (read === undefined || written === undefined) return undefined;
  return { read: bytes(BigInt(read)), written: bytes(BigInt(written)) };
}

/** Undefined where the process is gone, or the kernel keeps no such account (CONFIG_TASK_IO_ACCOUNTING). */
export function readProcessIo(pid: number): ProcessIo | undefined {
  try {
    return parseProcessIo(readFileSync(`/proc/${pid}/io`, "utf8"));
  } catch {
    return undefined;
  }
}
