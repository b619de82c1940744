/** What a starting driver does to a pool, itself killed at every step: makes it, settles what was half done, grows it. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";

import { LOOP_FILES } from "../../../src/core/pool-options.ts";
import { linesOf, run, thinIds } from "../../support/machine-state.ts";
import type { RawConfig } from "../../support/driver.ts";
import { howOf } from "./kill-bench.ts";
import { type KillNode, quoted } from "./kill-node.ts";
import { Listing } from "./listing.ts";
import { Place } from "./place.ts";
import { type KillCase, type Point, pointsOf, withoutIds } from "./points.ts";

const STEP_MIB = 64;

interface Opening {
  readonly pool: string;
  readonly options: RawConfig;
  /** The pool is open: all is as it must be. */
  readonly check: () => Promise<void>;
}

export class OpeningBench {
  readonly #node: KillNode;
  readonly #place: Place;
  #number = 0;

  /** Of a node whose first pool exists, and whose driver is dead. */
  constructor(node: KillNode) {
    this.#node = node;
    this.#place = new Place(node, node.pools[0] ?? "");
  }

  /** Each opens a pool once, undisturbed. */
  async learn(): Promise<readonly Point[]> {
    const points: Point[] = [];
    for (const [name, begin] of Object.entries(this.#openings)) {
      const opening = await begin();
      await this.#node.takeTrace();
      await this.#node.start("process", { pools: [opening.options] });
      const title = `open pool ${opening.pool} #`;
      const lines = (await this.#node.takeTrace()).filter((line) => line.startsWith(title));
      points.push(...pointsOf(name, lines));
      await opening.check();
      await this.#node.kill("process");
    }
    return points;
  }

  /** Rejects where something does not hold. Ends without a driver. */
  async perform(each: KillCase): Promise<void> {
    const opening = await this.#openings[each.operation]?.();
    if (opening === undefined) throw new Error(`no ${each.operation}`);
    const pools = [opening.options];
    const death = each.way === "orphan" ? "process" : each.way;
    this.#node.tools.hold();
    // Its start never ends; that it listens is not its end.
    const start = async (): Promise<void> => {
      await this.#node.start(death, { pools, untilListening: true });
      await Promise.withResolvers<never>().promise;
    };
    const pattern = `^open pool ${quoted(opening.pool)} #${each.index} `;
    const text = await this.#node.standStill(start, howOf(each), pattern);
    assert.equal(withoutIds(text), each.text);
    await this.#node.untilStarted();
    await this.#node.kill(death);
    const waited = await this.#node.startBesideOrphans(each.way === "orphan" ? 1 : 0, "process", { pools });
    await opening.check();
    await this.#node.kill("process");
    assert.ok(waited, "the next driver did not wait for a tool of the dead one");
  }

  /** Between a block of thin ids in the catalog and in the kernel: a start gives none out before the first volume. */
  async performFirstIds(): Promise<void> {
    const { pool } = this.#place;
    const pools = [this.#node.pool(pool, `${await dataMebibytes(pool)}MiB`)];
    await this.#node.start("process", { pools });
    await this.#node.standStill(() => this.#place.create("first", "block"), "still", " record put-pool ");
    await this.#node.kill("process");
    await this.#node.start("process", { pools });
    await this.#expectWhole(pool);
    const made = await this.#place.create("first", "block");
    assert.deepEqual(await this.#place.create("first", "block"), made);
    await this.#place.life.delete(made);
    await this.#node.kill("process");
  }

  readonly #openings: Readonly<Record<string, () => Promise<Opening>>> = {
    "make a pool": async () => {
      this.#number += 1;
      const pool = `born${this.#number}`;
      return { pool, options: this.#node.pool(pool), check: () => this.#expectWhole(pool) };
    },
    "open a pool with half-done work": () => this.#halfDone(),
    "grow a pool": async () => {
      const { pool } = this.#place;
      const before = await dataMebibytes(pool);
      const after = before + STEP_MIB;
      return {
        pool,
        options: this.#node.pool(pool, `${after}MiB`),
        check: async () => {
          assert.equal(await dataMebibytes(pool), after);
          await this.#expectWhole(pool);
        },
      };
    },
  };

  /** A volume and a group that are being made, and a volume that is being deleted, when the driver dies. */
  async #halfDone(): Promise<Opening> {
    const { pool } = this.#place;
    // As large as it has become.
    const options = this.#node.pool(pool, `${await dataMebibytes(pool)}MiB`);
    await this.#node.start("process", { pools: [options] });
    const place = this.#place;
    this.#number += 1;
    const number = this.#number;
    const before = await Listing.of(this.#node.csi);
    const doomed = await place.create(`gone-${number}`, "block");
    const [quiet, still] = [
      await place.create(`quiet-${number}`, "block"),
      await place.create(`still-${number}`, "block"),
    ];
    const making = {
      call: () => place.create(`half-${number}`, "block"),
      at: " record put-volume .* creating",
    };
    const cutting = {
      call: () => place.group(`cut-${number}`, quiet, still),
      at: " record put-group .* creating",
    };
    const deleting = { call: () => place.life.delete(doomed), at: " record put-volume .* deleting" };
    for (const { call, at } of [making, cutting, deleting]) await this.#node.standStill(call, "still", at);
    await this.#node.kill("process");
    return {
      pool,
      options,
      check: async () => {
        await this.#expectWhole(pool);
        // The two that a group was to be cut of, and no other.
        const listing = await Listing.of(this.#node.csi);
        assert.equal(listing.objects, before.objects + 2);
        await place.life.delete(quiet, still);
      },
    };
  }

  /** Its devices, loop devices and files, none twice; each thin is an object's; it takes a volume and gives it back. */
  async #expectWhole(pool: string): Promise<void> {
    const names = linesOf(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name,attr"));
    const devices = names.filter((name) => name.startsWith(`dmthin-${pool}-`) && !name.includes("-v-"));
    assert.deepEqual(
      devices.toSorted(),
      ["catalog", "data", "meta", "pool", "spare"].map((role) => `dmthin-${pool}-${role}:L--w`),
    );
    const directory = this.#node.directoryOf(pool);
    assert.deepEqual(readdirSync(directory).toSorted(), LOOP_FILES.toSorted());
    const loops = linesOf(await run("losetup", "--list", "--noheadings", "--output", "BACK-FILE"));
    assert.equal(loops.filter((file) => file.startsWith(`${directory}/`)).length, LOOP_FILES.length);
    const volume = await new Place(this.#node, pool).create("proof", "block");
    await this.#node.lifeIn(pool).delete(volume);
    assert.equal((await thinIds(pool)).length, (await Listing.of(this.#node.csi)).objects);
  }
}

async function dataMebibytes(pool: string): Promise<number> {
  const [, sectors = "0"] = (await run("dmsetup", "table", `dmthin-${pool}-pool`)).split(" ");
  return Number(sectors) / 2048;
}
