/**
 * The floor of a mutation: its own commands, by the driver's own way of starting processes (src/host/run.ts), and one
 * transaction of the driver's own catalog that is on the disk before they begin. No checks, no locks, no socket. On a disk
 * equal to dmthin's, with a thin-pool like dmthin's.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";

import { createRunner, type Runner } from "../../src/host/run.ts";
import { findTools, TOOL_NAMES, type ToolName } from "../../src/host/tools.ts";
import { openCatalog, type Catalog } from "../../src/pool/catalog.ts";
import { poolRecord, volumeRecord } from "../../test/support/records.ts";
import type { Mutation } from "../model/catalogue.ts";
import { leftOver, translate, type Place } from "../model/replay.ts";
import { timed } from "./command.ts";

const NAME = "benchfloor";
const SECTORS = 2048; // of a MiB
const CATALOG_MIB = 128;
const META_MIB = 128;

export interface FloorThin {
  readonly id: number;
  readonly device: string;
  /** Of its table. */
  readonly sectors: number;
}

type Argvs = readonly (readonly string[])[];

export class FloorSide {
  readonly runner: Runner = createRunner(findTools());
  readonly #directory = mkdtempSync("/run/bench-floor-");
  readonly #chunkSectors: number;
  readonly #disk: string;
  readonly #dataMebibytes: number;
  #catalog: Catalog | undefined;
  #nextThin = 1000;
  #records = 0;
  #transactionId = 0n;

  private constructor(disk: string, chunkKib: number, dataMebibytes: number) {
    this.#disk = disk;
    this.#chunkSectors = chunkKib * 2;
    this.#dataMebibytes = dataMebibytes;
  }

  static async make(
    disk: string,
    size: { readonly chunk: number; readonly dataMebibytes: number },
  ): Promise<FloorSide> {
    const side = new FloorSide(disk, size.chunk, size.dataMebibytes);
    await side.#make();
    return side;
  }

  async #make(): Promise<void> {
    const data = this.#dataMebibytes * SECTORS;
    await this.#linear("meta", META_MIB * SECTORS, 0);
    await this.#linear("catalog", CATALOG_MIB * SECTORS, META_MIB * SECTORS);
    await this.#linear("data", data, (META_MIB + CATALOG_MIB) * SECTORS);
    await timed("dd", "if=/dev/zero", `of=/dev/mapper/${NAME}-meta`, "bs=4k", "count=1", "oflag=direct");
    const features = "1 error_if_no_space";
    const table = `0 ${data} thin-pool /dev/mapper/${NAME}-meta /dev/mapper/${NAME}-data ${this.#chunkSectors} 0 ${features}`;
    await timed("dmsetup", "create", this.poolDevice, "--table", table);
    await timed("mkfs.ext4", "-q", `/dev/mapper/${NAME}-catalog`);
    mkdirSync(`${this.#directory}/catalog`);
    await timed("mount", `/dev/mapper/${NAME}-catalog`, `${this.#directory}/catalog`);
    const path = `${this.#directory}/catalog/catalog.db`;
    this.#catalog = await openCatalog(path, { deadlineMs: 60_000, create: poolRecord() });
  }

  async #linear(role: string, length: number, offset: number): Promise<void> {
    await timed(
      "dmsetup",
      "create",
      `${NAME}-${role}`,
      "--table",
      `0 ${length} linear ${this.#disk} ${offset}`,
    );
  }

  get poolDevice(): string {
    return `${NAME}-pool`;
  }

  newId(): number {
    this.#nextThin += 1;
    return this.#nextThin;
  }

  /** Without a device. */
  async thin(): Promise<number> {
    const id = this.newId();
    await timed("dmsetup", "message", this.poolDevice, "0", `create_thin ${id}`);
    return id;
  }

  async activeThin(mebibytes: number): Promise<FloorThin> {
    const id = await this.thin();
    const thin = { id, device: `${NAME}-v-${id}`, sectors: mebibytes * SECTORS };
    await timed("dmsetup", "create", thin.device, "--table", this.tableOf(thin));
    return thin;
  }

  tableOf({ id, sectors }: FloorThin): string {
    return `0 ${sectors} thin /dev/mapper/${this.poolDevice} ${id}`;
  }

  async deactivate(device: string): Promise<void> {
    await timed("dmsetup", "remove", "--retry", device);
  }

  async message(text: string): Promise<void> {
    await timed("dmsetup", "message", this.poolDevice, "0", text);
  }

  /** Milliseconds of one transaction and these commands, which are the driver's with other names in them. */
  async replay(commands: Argvs, pool: string, place: Place): Promise<number> {
    const whole = { ...place, transactionId: this.#transactionId };
    const mine = commands.map((argv) => {
      const foreign = leftOver(argv, whole, pool);
      if (foreign.length > 0) throw new Error(`the floor has nothing for ${foreign.join(", ")}`);
      return toolOf(translate(argv, whole));
    });
    const began = performance.now();
    await this.#commit();
    for (const { tool, args } of mine) await this.runner.run(tool, args);
    const ms = performance.now() - began;
    if (commands.some((argv) => argv.at(-1)?.startsWith("set_transaction_id"))) this.#transactionId += 1n;
    return ms;
  }

  async #commit(): Promise<void> {
    this.#records += 1;
    if (this.#catalog === undefined) throw new Error("the floor has no catalog");
    await this.#catalog.commit([{ kind: "put-volume", record: volumeRecord(this.#records) }]);
  }

  async clear(): Promise<void> {
    await this.#catalog?.close();
    await timed("umount", `${this.#directory}/catalog`);
    const { stdout } = await timed("dmsetup", "info", "-c", "--noheadings", "-o", "name");
    const mine = stdout.split("\n").filter((name) => name.startsWith(`${NAME}-`));
    const rank = (name: string): number => (name.includes("-v-") ? 0 : name.endsWith("-pool") ? 1 : 2);
    for (const name of mine.toSorted((one, other) => rank(one) - rank(other)))
      await timed("dmsetup", "remove", "--retry", name);
    rmSync(this.#directory, { recursive: true });
  }
}

function toolOf(argv: readonly string[]): { readonly tool: ToolName; readonly args: readonly string[] } {
  const [name, ...args] = argv;
  const tool = TOOL_NAMES.find((each) => each === name);
  if (tool === undefined) throw new Error(`the driver started ${name}, which is none of its tools`);
  return { tool, args };
}

/** For the note of a row. */
export const describe = (mutation: Mutation, commands: Argvs): string =>
  `${mutation}: ${commands.map((argv) => argv.slice(0, 2).join(" ")).join(", ")}`;
