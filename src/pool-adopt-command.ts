/**
 * `dmthin pool adopt`: pools of other machines, or of this one's past, found by the labels of their devices. Exit codes:
 * docs/guides/move-disks.md.
 */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { parseConfig, readConfig, surroundingsOf } from "./config.ts";
import { DEFAULT_STATE_DIRECTORY } from "./config/paths.ts";
import { formatStanza } from "./config/stanza.ts";
import { messageOf, PoolSetupError, PreconditionError } from "./core/errors.ts";
import type { PoolName } from "./core/ids.ts";
import { poolDeviceUuid } from "./core/ids.ts";
import type { PoolOptions } from "./core/pool-options.ts";
import { faultPoint } from "./fault-point.ts";
import { findDmDeviceByUuid } from "./host/dm-sysfs.ts";
import { createRunner } from "./host/run.ts";
import { ensureThinTargets } from "./host/thin-targets.ts";
import { findTools } from "./host/tools.ts";
import { adoptionJson, adoptionText, listJson, listText } from "./pool-adopt-text.ts";
import type { AdoptionReport, ListedPool } from "./pool-adopt-text.ts";
import { adoptPool } from "./pool/adopt/adopt-pool.ts";
import type { Adoption } from "./pool/adopt/adopt-pool.ts";
import { configuredPools } from "./pool/adopt/configured.ts";
import { poolsOf } from "./pool/adopt/found-pools.ts";
import type { FoundPool } from "./pool/adopt/found-pools.ts";
import { obstaclesOf, placeOfPool, unstablePaths } from "./pool/adopt/place.ts";
import { scanForLabels } from "./pool/adopt/scan.ts";
import type { Scan } from "./pool/adopt/scan.ts";
import { objectionTo, standingOf } from "./pool/adopt/standing.ts";
import type { ConfiguredPool } from "./pool/adopt/standing.ts";

export interface PoolAdoptCommand {
  readonly kind: "pool-adopt";
  /** Absent: the pools are listed. */
  readonly pool?: string;
  readonly as?: PoolName;
  /** Absent: the usual file, which need not exist. */
  readonly configuration?: string;
  readonly json: boolean;
}

const DONE = 0;
/** It cannot be adopted as it is. */
const REFUSED = 1;
/** It cannot be said: in use, or not to be read. */
const UNDONE = 2;
const NO_SUCH_POOL = 3;

/** Answers the exit code. `usual`: the configuration file where none is named. */
export async function runPoolAdopt(command: PoolAdoptCommand, usual: string): Promise<number> {
  try {
    return await run(command, usual);
  } catch (error) {
    process.stderr.write(`dmthin: ${messageOf(error)}\n`);
    return error instanceof PreconditionError || error instanceof PoolSetupError ? REFUSED : UNDONE;
  }
}

interface Here {
  readonly stateDirectory: string;
  readonly pools: readonly PoolOptions[];
}

async function run(command: PoolAdoptCommand, usual: string): Promise<number> {
  const here = await readHere(command.configuration, usual);
  const scan = await scanForLabels();
  const found = poolsOf(scan.finds);
  const configured = await configuredPools(here.pools, scan.finds);
  const listed = found.map((pool): ListedPool => {
    const active = findDmDeviceByUuid(poolDeviceUuid(pool.uuid, "pool"))?.name;
    return {
      pool,
      standing: standingOf(pool, configured),
      ...(active === undefined ? {} : { active }),
    };
  });
  if (command.pool === undefined) {
    process.stdout.write(command.json ? listJson(listed, scan.flaws) : listText(listed, scan.flaws));
    return DONE;
  }
  const pool = found.find(({ uuid }) => uuid === command.pool);
  if (pool === undefined) {
    process.stderr.write(`dmthin: ${nowhere(command.pool, found, scan)}\n`);
    return NO_SUCH_POOL;
  }
  return adopt(command, pool, configured, here);
}

async function adopt(
  command: PoolAdoptCommand,
  pool: FoundPool,
  configured: readonly ConfiguredPool[],
  { stateDirectory }: Here,
): Promise<number> {
  const objection = objectionTo(pool, configured, command.as);
  const problems = [...obstaclesOf(pool), ...(objection === undefined ? [] : [objection])];
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`dmthin: ${problem}\n`);
    return REFUSED;
  }
  const stanza = (name: PoolName): string =>
    formatStanza({ name, blockSize: pool.label.blockSize, place: placeOfPool(pool) });
  const adoption = await perform(pool, optionsOf(stanza(pool.name)), command.as, stateDirectory);
  const report: AdoptionReport = {
    pool,
    name: command.as ?? pool.name,
    adoption,
    // What does not fit keeps its name, and may be repaired by a configuration that has this.
    stanza: stanza(adoption.kind === "fit" ? (command.as ?? pool.name) : pool.name),
    unstable: unstablePaths(pool),
    isUnsure: standingOf(pool, configured).kind === "unsure" && command.as === undefined,
  };
  process.stdout.write(command.json ? adoptionJson(report) : adoptionText(report));
  return adoption.kind === "fit" ? DONE : REFUSED;
}

async function perform(
  { uuid, name }: FoundPool,
  options: PoolOptions,
  as: PoolName | undefined,
  stateDirectory: string,
): Promise<Adoption> {
  const faults = faultPoint(process.env["DMTHIN_FAULT_FILE"]);
  const runner = faults.watch(createRunner(findTools()));
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  return faults.around("pool-adopt", async () => {
    await ensureThinTargets(runner);
    return adoptPool(options, uuid, as === name ? undefined : as, {
      runner,
      stateDirectory,
      // Standard output is the answer's.
      report: (_level, message) => process.stderr.write(`dmthin: ${message}\n`),
      onStep: (step) => faults.afterStep(step),
    });
  });
}

/** As the driver will read it: what is tried here is what is printed. */
function optionsOf(stanza: string): PoolOptions {
  const parsed = parseConfig(`pools:\n${stanza}`, { nodeName: "any", endpoint: "unix:///run/any.sock" });
  const [options] = parsed.kind === "valid" ? parsed.config.pools : [];
  if (options !== undefined) return options;
  const problems = parsed.kind === "invalid" ? parsed.problems.join("; ") : "no pool";
  throw new PreconditionError(`the pool cannot be configured as it lies there: ${problems}`);
}

/** A machine that has no configuration yet, or lost it, has no pools of its own. */
async function readHere(configuration: string | undefined, usual: string): Promise<Here> {
  try {
    return await readConfig(configuration ?? usual, surroundingsOf(process.env, hostname()));
  } catch (error) {
    if (configuration !== undefined || !isMissingFile(error)) throw error;
    process.stderr.write(`dmthin: ${usual} does not exist: no pool is configured here\n`);
    return { stateDirectory: DEFAULT_STATE_DIRECTORY, pools: [] };
  }
}

function isMissingFile(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function nowhere(wanted: string, found: readonly FoundPool[], { flaws }: Scan): string {
  const known = found.map(({ uuid, name }) => `${uuid} (${name})`).join(", ");
  const unread = flaws.map(({ path, reason }) => `; ${path}: ${reason}`).join("");
  return `no device of this machine carries a label of pool ${wanted}; found: ${known || "none"}${unread}`;
}
