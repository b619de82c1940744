/**
 * Where operations can be when their driver dies: read from the trace of one undisturbed run (src/fault-point.ts), so that
 * a new step is a new case with nobody remembering. Pure.
 */

export interface Point {
  readonly operation: string;
  /** The number that src/fault-point.ts gives it. */
  readonly index: number;
  /** Without ids, which differ from run to run. */
  readonly text: string;
  readonly kind: "begin" | "step" | "tool";
  /** While an operation stands here, others in its pool wait behind it: for messages, or for thin ids. */
  readonly blocking: boolean;
}

/**
 * `process`: SIGKILL for the driver; a tool that it started has ended, and it has not noticed. `orphan`: the same while the
 * tool still runs, and does its work after the driver's death. `cgroup`: everything at once, as when memory runs out: driver,
 * guard, tools. `container`: driver and tools at once, the guard lives in another.
 */
export type Way = "process" | "orphan" | "cgroup" | "container";
export type Death = Exclude<Way, "orphan">;

export interface KillCase extends Point {
  readonly way: Way;
}

export interface PlacedCase extends KillCase {
  /** Number of the pool. */
  readonly place: number;
}

export interface Round {
  readonly death: Death;
  /** In the order of their begin. */
  readonly cases: readonly PlacedCase[];
}

/** `lines`: of one operation, from its trace. */
export function pointsOf(operation: string, lines: readonly string[]): readonly Point[] {
  let held = false;
  return lines.flatMap((line): readonly Point[] => {
    const [, index, text = ""] = / #(\d+) (.+)$/.exec(line) ?? [];
    if (index === undefined) throw new RangeError(`not a line of a trace: ${line}`);
    const command = /^ran (.+)$/.exec(text)?.[1];
    if (command !== undefined && !changesSomething(command)) return [];
    if (/^ran (?:dmsetup suspend|fsfreeze --freeze)/.test(text)) held = true;
    if (text.startsWith("while-suspended")) held = false;
    const blocking = held || /^ran dmsetup|put-pool|^set-transaction-id/.test(text);
    const kind = text === "began" ? "begin" : command === undefined ? "step" : "tool";
    return [{ operation, index: Number(index), text: withoutIds(text), kind, blocking }];
  });
}

/** Whatever is not known to look only: a new tool counts. */
const LOOKS =
  /^(?:dmsetup (?:status|table|info|targets)|blkid|od|flock|sync|thin_ls|thin_check|losetup --list|mkfs\.ext4 -V|modprobe)\b/;
const changesSomething = (command: string): boolean => !LOOKS.test(command);

export const withoutIds = (text: string): string =>
  text
    .replaceAll(/\/\S*\//g, "…/")
    .replaceAll(/DMTHIN-\S+/g, "UUID")
    .replaceAll(/[0-9a-f]{16,}(?:-[a-z]-[0-9a-f]+)?/g, "ID")
    .replaceAll(/dmthin-[a-z0-9]+-/g, "dmthin-POOL-")
    .replaceAll(/\b(?:dm-)?\d+(?::\d+)?\b/g, "N")
    .replaceAll(/(?<= )[a-z0-9-]+-x\d+/g, "NAME");

const WAYS: Readonly<Record<"begin" | "step" | "tool", readonly (readonly Way[])[]>> = {
  begin: [["process"], ["cgroup"], ["container"]],
  step: [["process"], ["cgroup"], ["container"]],
  tool: [["process"], ["orphan"], ["cgroup", "container"]],
};

/** Every other point, each with one way of death: six seeds in a row deal out all points with all ways. */
export function deal(points: readonly Point[], seed: number): readonly KillCase[] {
  return points.flatMap((point, number) => {
    if (number % 2 !== seed % 2) return [];
    const ways = WAYS[point.kind][(number + seed) % 3] ?? [];
    return { ...point, way: ways[Math.floor(number / 2) % ways.length] ?? "process" };
  });
}

const MOST_CASES = 16;

/** Cases that can die together: at most one in each pool that others would wait behind, and that one begins last. */
export function pack(cases: readonly KillCase[], places: number): readonly Round[] {
  return (["process", "cgroup", "container"] as const).flatMap((death) => {
    const mine = cases.filter(({ way }) => deathOf(way) === death);
    const blocking = mine.filter((each) => each.blocking);
    const others = mine.filter((each) => !each.blocking);
    const count = Math.max(Math.ceil(blocking.length / places), Math.ceil(mine.length / MOST_CASES));
    const spread = (list: readonly KillCase[], round: number): readonly PlacedCase[] =>
      list
        .filter((_each, number) => number % count === round)
        .map((each, number) => placed(each, number % places));
    return Array.from({ length: count }, (_, round) => ({
      death,
      cases: [...spread(others, round), ...spread(blocking, round)],
    }));
  });
}

const placed = (each: KillCase, place: number): PlacedCase => ({ ...each, place });

const deathOf = (way: Way): Death => (way === "orphan" ? "process" : way);

export const titleOf = ({ operation, text, kind, way, index }: KillCase): string =>
  `${operation}: ${placeOf(kind, way)} ${text} (#${index}), ${way}`;

function placeOf(kind: Point["kind"], way: Way): string {
  if (kind !== "tool") return "after";
  return way === "process" ? "after, unnoticed," : "inside";
}
