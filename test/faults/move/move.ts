/**
 * The disks of two pools go from one machine to another and back: other names of the disks, other node, another pool of the
 * same name. Every volume and snapshot is verified by its checksum, at each end.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { FaultCase, FaultContext, FaultOutcome, Violation } from "../case.ts";
import { GuestError, startGuest, type Guest, type GuestEnd } from "../guest.ts";
import { makeDisks } from "../power/power-loss.ts";
import { Random } from "../random.ts";
import {
  CARGO,
  DURABLE,
  ORDERS,
  VERDICT,
  WRITING,
  type Cargo,
  type GuestSettings,
  type MachineName,
  type PackSettings,
  type CargoSettings,
} from "./settings.ts";

const MIB = 2 ** 20;
const SIZES = {
  "own-a": 1024 * MIB,
  "own-b": 1024 * MIB,
  stranger: 64 * MIB,
  one: 320 * MIB,
  two: 2048 * MIB,
  metadata: 320 * MIB,
  data: 640 * MIB,
};

class Disks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  make(): Promise<unknown> {
    return makeDisks(this.#directory, SIZES);
  }

  boot(program: string, settings: GuestSettings): Guest {
    const { machine, order } = settings;
    return startGuest({
      command: [`test/faults/move/${program}.ts`, JSON.stringify(settings)],
      diskFiles: order.map((disk) => join(this.#directory, disk === "own" ? `own-${machine}` : disk)),
      environment: { UV_THREADPOOL_SIZE: "32" },
    });
  }

  async digestOf(...names: readonly (keyof typeof SIZES)[]): Promise<string> {
    const hash = createHash("sha256");
    for (const name of names)
      for await (const chunk of createReadStream(join(this.#directory, name))) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }
}

const on = (machine: MachineName, fresh: boolean, order: keyof typeof ORDERS = machine): GuestSettings => ({
  machine,
  fresh,
  order: ORDERS[order],
});

/** What follows the word on the last line that begins with it. Throws GuestError where there is none. */
function told(word: string, end: GuestEnd): unknown {
  // A power cut may leave half a line.
  const line = end.stdout
    .slice(0, end.stdout.lastIndexOf("\n"))
    .split("\n")
    .findLast((each) => each.startsWith(word));
  if (line === undefined) throw new GuestError(`did not tell ${word}`, end);
  return JSON.parse(line.slice(word.length));
}

/** Of what is expected of machine A when it ended. */
async function packed(disks: Disks, clean: boolean, random: Random): Promise<Cargo> {
  const settings: PackSettings = { ...on("a", true), clean };
  const guest = disks.boot("pack", settings);
  if (!clean) {
    await guest.printed(WRITING);
    await sleep(random.between(200, 1200));
  }
  const end = clean ? await guest.ended : await guest.cut();
  if (clean && end.exitCode !== 0) throw new GuestError("was not packed", end);
  const cargo = told(CARGO, end) as Cargo;
  const records = told(DURABLE, end) as number;
  const written = ({ volumes, ...rest }: Cargo["whole"]): Cargo["whole"] => ({
    ...rest,
    volumes: volumes.map((volume) => ({ ...volume, records })),
  });
  return { ...cargo, whole: written(cargo.whole), split: written(cargo.split) };
}

async function run({ seed, directory }: FaultContext): Promise<FaultOutcome> {
  const random = new Random(seed, "move");
  const clean = seed % 2 === 0;
  const disks = new Disks(directory);
  await disks.make();
  const violations: Violation[] = [];
  const cargo = await packed(disks, clean, random);
  const stand = async (program: string, settings: CargoSettings): Promise<GuestEnd> => {
    const end = await disks.boot(program, settings).ended;

    violations.push(...(told(VERDICT, end) as readonly Violation[]));
    return end;
  };

  const before = await disks.digestOf("one", "metadata");
  await stand("incomplete", { ...on("b", true, "incomplete"), cargo });
  if ((await disks.digestOf("one", "metadata")) !== before)
    violations.push({ promise: 10, evidence: "a pool without one of its disks was written to" });

  const [own, stranger] = [await disks.digestOf("own-a"), await disks.digestOf("stranger")];
  const received = await stand("receive", { ...on("b", true), cargo });
  if ((await disks.digestOf("stranger")) !== stranger)
    violations.push({ promise: 10, evidence: "a disk that is of no pool was written to" });
  if ((await disks.digestOf("own-a")) !== own) throw new Error("machine A's own disk was in machine B");
  if (violations.length === 0)
    await stand("return", { ...on("a", false), cargo: told(CARGO, received) as Cargo });
  return { violations, figures: figuresOf(cargo, clean) };
}

function figuresOf({ whole, split }: Cargo, clean: boolean): string {
  const volumes = [...whole.volumes, ...split.volumes];
  const snapshots = whole.snapshots.length + split.snapshots.length;
  const end = clean ? "after a shutdown" : `after a power cut at record ${volumes[0]?.records}`;
  return `${volumes.length} volumes and ${snapshots} snapshots moved ${end}, and back`;
}

export const move: FaultCase = {
  name: "move",
  promises: [2, 3, 4, 10],
  seeds: { full: 2, share: 0 },
  run,
};
