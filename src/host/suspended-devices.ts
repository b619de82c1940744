/**
 * Finding and resuming own devices that are suspended. Looking starts no process and reads sysfs only; resuming goes by
 * dm uuid, so a device that took over a name is never touched. Used by the resume guard and by the sweep at start.
 */
import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { messageOf } from "../core/errors.ts";
import { parseThinUuid } from "../core/ids.ts";
import { readAttribute } from "./dm-sysfs.ts";
import { isOwnDmName, isOwnDmUuid } from "./guard-protocol.ts";
import type { Bracket, GuardedDevice } from "./guard-protocol.ts";

/** Starts dmsetup or fsfreeze; rejects where it fails, with what it printed in the message. */
export type ResumeTool = (tool: "dmsetup" | "fsfreeze", args: readonly string[]) => Promise<void>;

export interface OwnDevice extends GuardedDevice {
  readonly suspended: boolean;
}

const SYS = "/sys";

/** Every dm device with a uuid of dmthin's, as of now. */
export function ownDevices(sys = SYS): readonly OwnDevice[] {
  const block = `${sys}/block`;
  return readdirSync(block)
    .filter((entry) => entry.startsWith("dm-"))
    .flatMap((entry) => {
      const [name, uuid, suspended] = ["name", "uuid", "suspended"].map((attribute) =>
        readAttribute(`${block}/${entry}/dm/${attribute}`),
      );
      if (name === undefined || uuid === undefined || suspended === undefined) return [];
      return isOwnDmName(name) && isOwnDmUuid(uuid) ? [{ name, uuid, suspended: suspended === "1" }] : [];
    });
}

/** Why this process could not keep the promise of a bracket; undefined where it can. */
export function whyUnguardable(bracket: Bracket, sys = SYS): string | undefined {
  const devices = ownDevices(sys);
  const unknown = bracket.devices.find(
    ({ name, uuid }) => !devices.some((device) => device.name === name && device.uuid === uuid),
  );
  if (unknown !== undefined) return `the guard sees no device ${unknown.name} with uuid ${unknown.uuid}`;
  const unseen = bracket.mountPoints.find((path) => !isMountPoint(path));
  return unseen === undefined
    ? undefined
    : `the guard sees no mount at ${unseen}: it lacks mount propagation`;
}

function isMountPoint(path: string): boolean {
  const [self, parent] = [path, dirname(path)].map((each) => statSync(each, { throwIfNoEntry: false }));
  return self !== undefined && parent !== undefined && self.dev !== parent.dev;
}

export function isAnySuspended(devices: readonly GuardedDevice[], sys = SYS): boolean {
  const wanted = new Set(devices.map((device) => device.uuid));
  return ownDevices(sys).some((each) => each.suspended && wanted.has(each.uuid));
}

/** Resumes those of `devices` that are suspended. Returns what failed, in words; empty when none is suspended any more. */
export async function resumeDevices(
  devices: readonly GuardedDevice[],
  run: ResumeTool,
  sys = SYS,
): Promise<readonly string[]> {
  const wanted = new Set(devices.map((device) => device.uuid));
  const problems: string[] = [];
  for (const layer of [isLinear, isPool, isThin]) {
    const suspended = ownDevices(sys).filter(
      (each) => each.suspended && wanted.has(each.uuid) && layer(each),
    );
    const failures = await Promise.all(
      suspended.map(({ uuid }) => problemOf(run("dmsetup", ["resume", "--uuid", uuid]))),
    );
    problems.push(...failures.filter((failure) => failure !== undefined));
  }
  const left = ownDevices(sys).filter((each) => each.suspended && wanted.has(each.uuid));
  return left.length === 0
    ? []
    : [`still suspended: ${left.map((each) => each.name).join(", ")}`, ...problems];
}

// A thin that is resumed while its pool is suspended only moves the wait one level down: lowest first.
const isPool = ({ uuid }: GuardedDevice): boolean => uuid.endsWith("-pool");
const isThin = ({ uuid }: GuardedDevice): boolean => parseThinUuid(uuid) !== undefined;
const isLinear = (device: GuardedDevice): boolean => !isPool(device) && !isThin(device);

/** Thaws each mount point; one that is not frozen, or gone, is as wanted. Returns what failed. */
export async function thawMounts(
  mountPoints: readonly string[],
  run: ResumeTool,
): Promise<readonly string[]> {
  const failures = await Promise.all(
    mountPoints.map((path) => problemOf(run("fsfreeze", ["--unfreeze", path]))),
  );
  return failures
    .filter((failure) => failure !== undefined)
    .filter((failure) => !/Invalid argument|No such file/.test(failure));
}

/**
 * Devices, then what was frozen on them. Nothing is thawed while one of the devices is suspended: the thaw would wait for
 * it in the kernel. Returns what failed; empty when nothing is held any more.
 */
export async function releaseBracket(
  { devices, mountPoints }: Pick<Bracket, "devices" | "mountPoints">,
  run: ResumeTool,
  sys = SYS,
): Promise<readonly string[]> {
  const held = await resumeDevices(devices, run, sys);
  return held.length > 0 ? held : thawMounts(mountPoints, run);
}

/**
 * Rejects when `work` takes longer, and lets it go on. For thaws: a btrfs whose thaw is killed while it waits for its disk
 * turns read-only (seen on Linux 7.2), and every later write to it fails.
 */
export async function withoutKilling(work: Promise<void>, title: string, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${title}: no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function problemOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
