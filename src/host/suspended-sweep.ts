/**
 * The first act of a start, before configuration and catalogs are read: whoever suspended a device of ours is gone (the
 * whole pod may have been killed, guard included), so resume it. Nothing here knows what the device was for.
 */
import { messageOf } from "../core/errors.ts";
import { parsePoolOfUuid, type PoolUuid } from "../core/ids.ts";
import { BracketNotes } from "./bracket-notes.ts";
import { isOwned } from "./lock-file.ts";
import type { Runner } from "./run.ts";
import { ownDevices, releaseBracket, resumeDevices, withoutKilling } from "./suspended-devices.ts";
import type { ResumeTool } from "./suspended-devices.ts";

export interface SweepReport {
  readonly resumed: readonly string[];
  readonly thawed: readonly string[];
  /** Suspended devices left alone: a living driver owns their pool. */
  readonly left: readonly string[];
  readonly problems: readonly string[];
}

const TOOL_TIMEOUT_MS = 10_000;

/** Never rejects: a device that cannot be resumed is a problem of its own pool, named in the report. */
export async function sweepSuspended(
  runner: Runner,
  stateDirectory: string,
  sys = "/sys",
): Promise<SweepReport> {
  try {
    return await sweep(runner, stateDirectory, sys);
  } catch (error) {
    return { resumed: [], thawed: [], left: [], problems: [messageOf(error)] };
  }
}

/**
 * For the owner of a pool's lock, before it looks at anything: a suspend that a dead driver's tool had begun may have
 * completed after the sweep. Returns what failed.
 */
export async function resumePool(runner: Runner, pool: PoolUuid, sys = "/sys"): Promise<readonly string[]> {
  const own = ownDevices(sys).filter((device) => parsePoolOfUuid(device.uuid) === pool);
  return resumeDevices(own, resumeTool(runner), sys);
}

const resumeTool =
  (runner: Runner): ResumeTool =>
  async (name, args) => {
    if (name === "dmsetup") {
      await runner.run(name, args, { timeoutMs: TOOL_TIMEOUT_MS });
      return;
    }
    const ended = runner.run(name, args).then(() => undefined);
    await withoutKilling(ended, [name, ...args].join(" "), TOOL_TIMEOUT_MS);
  };

async function sweep(runner: Runner, stateDirectory: string, sys: string): Promise<SweepReport> {
  const tool = resumeTool(runner);
  const owners = new Map<string, Promise<boolean>>();
  const owned = (uuid: string): Promise<boolean> => {
    const pool = parsePoolOfUuid(uuid) ?? "";
    const known = owners.get(pool) ?? isOwned(runner, `${stateDirectory}/${pool}.lock`);
    owners.set(pool, known);
    return known;
  };

  const suspended = ownDevices(sys).filter((device) => device.suspended);
  const ofLiving = await Promise.all(suspended.map((device) => owned(device.uuid)));
  const due = suspended.filter((_, index) => ofLiving[index] === false);
  const problems = [...(await resumeDevices(due, tool, sys))];

  const notes = new BracketNotes(stateDirectory);
  const thawed: string[] = [];
  for (const note of notes.read()) {
    const living = await Promise.all(note.devices.map((device) => owned(device.uuid)));
    if (living.includes(true)) continue;
    const failures = await releaseBracket(note, tool, sys);
    problems.push(...failures);
    if (failures.length > 0) continue;
    thawed.push(...note.mountPoints);
    notes.remove(note.id);
  }
  return {
    resumed: due.map((device) => device.name),
    thawed,
    left: suspended.filter((device) => !due.includes(device)).map((device) => device.name),
    problems,
  };
}
