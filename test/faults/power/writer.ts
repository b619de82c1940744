/** Programs that write records without end into volumes in use. */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { syncDirectory } from "../../../src/host/sync-directory.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";
import type { Journal } from "./journal.ts";
import { AREA_BYTES, RecordFile, type Sync } from "./record.ts";
import type { Volume } from "./world.ts";

const SHORTEST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 15;

/** Where a writer's records lie in a volume that is published: a file of its own, or an area of the device. */
export interface Place {
  readonly path: string;
  readonly base: number;
  readonly direct: boolean;
}

/** `ancestors`: how many writers left their records in the volume before this one. */
export function placeOf({ content, targetPath }: TestVolume, writer: string, ancestors: number): Place {
  return content === "block"
    ? { path: targetPath, base: ancestors * AREA_BYTES, direct: true }
    : { path: `${targetPath}/${writer}.records`, base: 0, direct: false };
}

/** For writing; made if missing, and then the name is durable too. */
export async function openPlace({ path, direct }: Place): Promise<FileHandle> {
  const file = await open(path, constants.O_RDWR | (direct ? constants.O_DIRECT : constants.O_CREAT));
  if (!direct) await syncDirectory(path.slice(0, path.lastIndexOf("/")));
  return file;
}

export interface WriterTools {
  readonly journal: Journal;
  readonly random: Random;
  /** False: acknowledges what is only in memory. */
  readonly sync: boolean;
}

/** Record n of the first volume is durable before that of the second is begun, and so on. */
export class Writer {
  readonly #tools: WriterTools;
  readonly #volumes: readonly Volume[];
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(tools: WriterTools, volumes: readonly Volume[]) {
    this.#tools = tools;
    this.#volumes = volumes;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    const files: RecordFile[] = [];
    try {
      for (const { test, name, ancestors } of this.#volumes) {
        const place = placeOf(test, name, ancestors.length);
        files.push(new RecordFile(await openPlace(place), place.base, name));
      }
      while (!this.#stopped) await this.#writeRound(files);
    } catch (error) {
      const volume = this.#volumes.map(({ name }) => name).join(" and ");
      this.#tools.journal.write({ e: "broken", volume, why: String(error).slice(0, 500) });
    } finally {
      for (const file of files) await file.close();
    }
  }

  async #writeRound(files: readonly RecordFile[]): Promise<void> {
    const { journal, random, sync } = this.#tools;
    const way: Sync = sync ? (random.pick(["fsync", "fdatasync"] as const) ?? "fsync") : "none";
    for (const [index, volume] of this.#volumes.entries()) {
      const n = volume.written;
      await files[index]?.write(n, way);
      journal.write({ e: "record", volume: volume.name, n });
      volume.written = n + 1;
    }
    await sleep(random.between(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS));
  }
}
