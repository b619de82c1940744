/**
 * dmsetup, one method a command. What is dangerous cannot be said here: there is no forced, deferred or wholesale
 * removal and no wiping of tables. Failures are ToolError with the kernel's errno: EBUSY (name or uuid taken, or open),
 * EEXIST, ENODATA (thin id), ENXIO (no such device), EINVAL, EOPNOTSUPP (pool read-only or failed), …
 */
import { setTimeout as sleep } from "node:timers/promises";

import type { DevNumber, DmDevice, PoolStatus, ThinStatus } from "../core/dm.ts";
import { errnoOf, ParseError, ToolError } from "../core/errors.ts";
import { DM_NAME_PREFIX, type DmName, type DmUuid } from "../core/ids.ts";
import { DM_INFO_FIELDS, isDmName, linesOf, parseDmInfo, parseTargets } from "./dm-info-text.ts";
import { errnoFrom } from "./errno.ts";
import type { Runner, RunResult } from "./run.ts";
import { parsePoolStatus } from "./thin-pool-text.ts";
import { parseThinStatus } from "./thin-text.ts";

export interface StatusOptions {
  /** True commits the metadata and flushes first, so the figures are exact; false only looks. */
  readonly flush: boolean;
}

/** Waits between tries of `remove`: somebody (udev, a scanner) may hold the device for a moment. 5 s in all. */
const REMOVE_DELAYS_MS: readonly number[] = [25, 50, 100, 200, 400, 800, 1000, 1200, 1225];

/** Devices whose suspend was killed but still goes on in the kernel; of the process, because names are of the kernel. */
const abandonedSuspends = new Set<DmName>();

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";

/** `name: status` of dmthin's devices, one a line, as dmsetup prints them where it is asked for several. */
function namedLines(text: string): readonly (readonly [DmName, string])[] {
  return linesOf(text).flatMap((line): (readonly [DmName, string])[] => {
    if (!line.startsWith(DM_NAME_PREFIX)) return [];
    const end = line.indexOf(": ");
    const name = line.slice(0, end);
    if (end < 0 || !isDmName(name)) throw new ParseError("dm status", "line", line, "a name and a status");
    return [[name, line.slice(end + 2)]];
  });
}

export class Dmsetup {
  readonly #runner: Runner;
  readonly #removeDelaysMs: readonly number[];

  constructor(runner: Runner, options: { readonly removeDelaysMs?: readonly number[] } = {}) {
    this.#runner = runner;
    this.#removeDelaysMs = options.removeDelaysMs ?? REMOVE_DELAYS_MS;
  }

  /** Creates and activates. A name or uuid already taken is EBUSY and is never retried: the caller must look. */
  async create(name: DmName, uuid: DmUuid, table: string): Promise<void> {
    await this.#withTable(["create", name, "--uuid", uuid], table);
  }

  /** Sends a message to a thin-pool. Success is not yet a commit: read the pool's status after it. */
  async message(pool: DmName, text: string): Promise<void> {
    await this.#run(["message", pool, "0", text]);
  }

  /**
   * Freezes a mounted filesystem (unless its caller has: a second freeze is EBUSY), flushes, holds all I/O back.
   * ToolError ETIMEDOUT at the deadline. The device is then not to stay suspended, but the kernel may complete what it
   * was asked long after, when no resume of the caller's can see it: such a device is resumed here as soon as the
   * command is gone, and until then a new suspend of it is refused (ETIMEDOUT too).
   */
  async suspend(
    name: DmName,
    options: { readonly timeoutMs: number; readonly alreadyFrozen?: boolean },
  ): Promise<void> {
    const args = ["suspend", ...(options.alreadyFrozen === true ? ["--nolockfs"] : []), name];
    if (abandonedSuspends.has(name)) {
      const stderr = "an earlier suspend of this device has not ended yet";
      throw new ToolError({ argv: ["dmsetup", ...args], exitCode: undefined, stderr, errno: "ETIMEDOUT" });
    }
    await this.#runner.run("dmsetup", args, {
      timeoutMs: options.timeoutMs,
      onKilled: (gone) => {
        void this.#resumeAfter(gone, name);
      },
    });
  }

  async #resumeAfter(gone: Promise<void>, name: DmName): Promise<void> {
    abandonedSuspends.add(name);
    try {
      await gone;
      await this.resume(name);
    } catch {
      // Removed meanwhile; or the runner's log has the failure, and the sweep at the next start the device.
    } finally {
      abandonedSuspends.delete(name);
    }
  }

  /** Also swaps in a loaded table. A device that is not suspended and has none stays as it is. */
  async resume(name: DmName): Promise<void> {
    await this.#run(["resume", name]);
  }

  /** Loads a table beside the live one; `resume` swaps it in, `clear` drops it. */
  async load(name: DmName, table: string): Promise<void> {
    await this.#withTable(["load", name], table);
  }

  /** Drops a loaded table that was never resumed. None loaded: done. */
  async clear(name: DmName): Promise<void> {
    await this.#run(["clear", name]);
  }

  /** EBUSY is tried again for 5 s, then it is the caller's. A missing device is ENXIO. `around` performs each try. */
  async remove(
    name: DmName,
    around: (once: () => Promise<void>) => Promise<void> = (once) => once(),
  ): Promise<void> {
    const once = async (): Promise<void> => {
      await this.#run(["remove", name]);
    };
    for (const delay of this.#removeDelaysMs) {
      try {
        await around(once);
        return;
      } catch (error) {
        if (errnoOf(error) !== "EBUSY") throw error;
      }
      await sleep(delay);
    }
    await around(once);
  }

  /** The live table, lines separated by newlines; empty where there is none. */
  async table(name: DmName): Promise<string> {
    return (await this.#run(["table", name])).stdout.trim();
  }

  /** The same of a device of any name. */
  async tableOf(number: DevNumber): Promise<string> {
    const [major = "", minor = ""] = number.split(":");
    return (await this.#run(["table", "--major", major, "--minor", minor])).stdout.trim();
  }

  /** The table loaded but not resumed; empty where there is none. */
  async inactiveTable(name: DmName): Promise<string> {
    return (await this.#run(["table", "--inactive", name])).stdout.trim();
  }

  async poolStatus(name: DmName, options: StatusOptions): Promise<PoolStatus> {
    return parsePoolStatus(await this.#status(name, options));
  }

  async thinStatus(name: DmName, options: StatusOptions): Promise<ThinStatus> {
    return parseThinStatus(await this.#status(name, options));
  }

  /** All active thins named by dmthin, of all pools, in one command; without a flush. */
  async thinStatuses(): Promise<ReadonlyMap<DmName, ThinStatus>> {
    const { stdout } = await this.#run(["status", "--noflush", "--target", "thin"]);
    return new Map(namedLines(stdout).map(([name, status]) => [name, parseThinStatus(status)]));
  }

  /**
   * A pool and some of its thins in one command; without a flush. The command ends at the first device that is missing: of
   * the thins behind it nothing is said.
   */
  async poolAndThinStatus(
    pool: DmName,
    thins: readonly DmName[],
  ): Promise<{ readonly pool: PoolStatus; readonly thins: ReadonlyMap<DmName, ThinStatus> }> {
    if (thins.length === 0) return { pool: await this.poolStatus(pool, { flush: false }), thins: new Map() };
    const args = ["status", "--noflush", pool, ...thins];
    const { stdout, stderr, exitCode } = await this.#runner.run("dmsetup", args, { accept: [0, 1] });
    const [first, ...rest] = namedLines(stdout);
    if (first?.[0] !== pool)
      throw new ToolError({ argv: ["dmsetup", ...args], exitCode, stderr, errno: errnoFrom(stderr) });
    return {
      pool: parsePoolStatus(first[1]),
      thins: new Map(rest.map(([name, status]) => [name, parseThinStatus(status)])),
    };
  }

  /** How many events the device has had. */
  async eventNumber(name: DmName): Promise<number> {
    const { stdout } = await this.#run(["info", "-c", "--noheadings", "-o", "events", name]);
    const number = Number(stdout.trim());
    if (!/^\s*\d+\s*$/.test(stdout)) throw new ParseError("dm info", "events", stdout, "a number");
    return number;
  }

  /**
   * Resolves when the device has had more events than `seen`, at once where it has already, or when it is removed. A
   * waiting process that dies with this one, and has no hold on the device. ToolError ETIMEDOUT at the deadline.
   */
  async waitForEvent(
    name: DmName,
    seen: number,
    options: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<void> {
    const wait = ["dmsetup", "wait", "--noflush", name, String(seen)];
    await this.#runner.run("setpriv", ["--pdeathsig", "KILL", "--", ...wait], options);
  }

  /** The devices of dmthin, told by their uuid. */
  async list(): Promise<readonly DmDevice[]> {
    const { stdout } = await this.#run([
      "info",
      "-c",
      "--noheadings",
      "--separator",
      "|",
      "-o",
      DM_INFO_FIELDS,
    ]);
    return parseDmInfo(stdout);
  }

  /** Targets the running kernel has, with their versions. */
  async targets(): Promise<ReadonlyMap<string, string>> {
    return parseTargets((await this.#run(["targets"])).stdout);
  }

  async #status(name: DmName, options: StatusOptions): Promise<string> {
    const { stdout } = await this.#run(options.flush ? ["status", name] : ["status", "--noflush", name]);
    return firstLine(stdout);
  }

  /** One line goes as an argument, so that it shows in logs and errors; more lines only fit through standard input. */
  async #withTable(args: readonly string[], table: string): Promise<void> {
    if (table.includes("\n")) await this.#runner.run("dmsetup", args, { input: `${table}\n` });
    else await this.#run([...args, "--table", table]);
  }

  async #run(args: readonly string[]): Promise<RunResult> {
    return this.#runner.run("dmsetup", args);
  }
}
