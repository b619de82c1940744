/** What a process has of the machine, as /proc tells it. */
import { readdirSync, readFileSync, statSync } from "node:fs";

export interface ProcessFigures {
  readonly residentMib: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Children that run or wait to be reaped. */
  readonly children: number;
}

export function figuresOf(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    residentMib: Math.round(field("VmRSS") / 1024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field("Threads"),
    children: childrenOf(pid),
  };
}

function childrenOf(pid: number): number {
  const lists = readdirSync(`/proc/${pid}/task`).map((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, "utf8");
    } catch {
      return ""; // a thread that has just ended
    }
  });
  return lists
    .join(" ")
    .split(" ")
    .filter((word) => word !== "").length;
}

export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

export const textOf = ({ residentMib, descriptors, threads, children }: ProcessFigures): string =>
  `${residentMib} MiB resident, ${descriptors} descriptors, ${threads} threads, ${children} children`;
