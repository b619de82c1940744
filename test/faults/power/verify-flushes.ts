/**
 * In the guest: every state that a flush or FUA write left on the disk, along a whole log of writes. Not with a driver,
 * which would take seconds for each: labels, catalog and thin metadata are read as a driver would read them at its start.
 */
import { mkdirSync } from "node:fs";

import type { CatalogContent } from "../../../src/core/records.ts";
import { parseThinLs } from "../../../src/host/thin-tools.ts";
import { checkFence, offline } from "../../../src/plan/fence.ts";
import { openCatalogFile } from "../../../src/pool/catalog-file.ts";
import { CatalogStore } from "../../../src/pool/catalog-store.ts";
import { readLabelCopies } from "../../../src/pool/label-store.ts";
import type { Label } from "../../../src/pool/label.ts";
import type { Extent } from "../../../src/pool/layout.ts";
import { run } from "../../support/machine-state.ts";
import type { Violation } from "../case.ts";
import { readDirect } from "./direct.ts";
import { Findings } from "./findings.ts";
import { readJournal } from "./journal.ts";
import type { Model } from "./model.ts";
import { modelAt } from "./moments.ts";
import { isLive } from "./repeat.ts";
import { Replay } from "./replay.ts";
import { settingsOf, VERDICT, type FlushSettings } from "./settings.ts";
import { after, type LogEntry } from "./write-log.ts";

export interface FlushVerdict {
  readonly violations: readonly Violation[];
  /** Flushes and FUA writes in the log. */
  readonly flushes: number;
  /** Those before which labels, catalog or metadata had changed: the states between them differ in users' data only. */
  readonly states: number;
  readonly catalogs: number;
  readonly metadata: number;
}

const META = "power-flush-meta";
const CATALOG = "power-flush-catalog";
const MOUNT_POINT = "/run/power-flush";
/** The transaction id in the superblock of thin metadata. Source: Linux, drivers/md/dm-thin-metadata.c. */
const TRANSACTION_ID_AT = 48;
const SECTOR = 512n;

class FlushCheck {
  readonly findings = new Findings();
  readonly #base: string;
  readonly #replay: Replay;
  #content: CatalogContent | undefined;
  #label: Label | undefined;

  constructor(replay: Replay, base: string) {
    this.#replay = replay;
    this.#base = base;
  }

  /** Undefined: the pool is being made. */
  get label(): Label | undefined {
    return this.#label;
  }

  /** `changed`: whether something of that extent was written since the last call. */
  async state(place: string, model: Model, changed: (extent: Extent) => boolean): Promise<void> {
    await this.#readLabel(place);
    if (this.#label === undefined) return;
    const { catalog, meta } = this.#label.extents;
    const readsCatalog = this.#content === undefined || changed(catalog);
    if (readsCatalog) {
      this.#content = await this.findings.attempt(4, `${place}: the catalog`, () =>
        this.#readCatalog(catalog),
      );
      if (this.#content !== undefined) this.#compare(place, model, this.#content);
    }
    const { findings } = this;
    await findings.attempt(2, `${place}: the thin metadata`, () =>
      this.#checkMetadata(place, meta, changed(meta)),
    );
  }

  async #readLabel(place: string): Promise<void> {
    const { reading } = await readLabelCopies(this.#base);
    if (reading.kind === "label" && reading.label.state === "ready") this.#label = reading.label;
    const lost = reading.kind === "unreadable" || (this.#label !== undefined && reading.kind === "none");
    this.findings.expect(4, !lost, `${place}: the label is ${reading.kind}`);
  }

  /** On a copy: mounting replays a journal, opening replays a log. */
  async #readCatalog(extent: Extent): Promise<CatalogContent> {
    const copy = await this.#replay.openCopy();
    await run("dmsetup", "create", CATALOG, "--table", linear(extent, copy));
    await run("mount", `/dev/mapper/${CATALOG}`, MOUNT_POINT);
    try {
      const database = openCatalogFile(`${MOUNT_POINT}/catalog.db`);
      try {
        return new CatalogStore(database).load();
      } finally {
        database.close();
      }
    } finally {
      await run("umount", MOUNT_POINT);
      await run("dmsetup", "remove", "--retry", CATALOG);
      await this.#replay.drop();
    }
  }

  async #checkMetadata(place: string, extent: Extent, changed: boolean): Promise<void> {
    await run("dmsetup", "create", META, "--readonly", "--table", linear(extent, this.#base));
    try {
      const path = `/dev/mapper/${META}`;
      if (changed) await run("thin_check", "--ignore-non-fatal-errors", path);
      const listing = ["--no-headers", "--format", "DEV,MAPPED_BLOCKS,TRANSACTION"];
      const thins = parseThinLs(await run("thin_ls", ...listing, path));
      const transactionId = readDirect(path, 0, 4096).readBigUInt64LE(TRANSACTION_ID_AT);
      if (this.#content === undefined) return;
      const { excess, lost } = checkFence(this.#content, offline(transactionId, thins));
      this.findings.expect(
        10,
        excess.length === 0,
        `${place}: taken for foreign hands: ${excess.join("; ")}`,
      );
      this.findings.expect(4, lost.size === 0, `${place}: thins of ${[...lost].join(", ")} are missing`);
    } finally {
      await run("dmsetup", "remove", "--retry", META);
    }
  }

  #compare(place: string, model: Model, content: CatalogContent): void {
    const ready = new Map([...content.volumes, ...content.snapshots].map((each) => [String(each.id), each]));
    for (const object of [...model.volumes.values(), ...model.snapshots.values()]) {
      const { name, id = "", deleted } = object;
      const state = ready.get(id)?.state;
      if (isLive(object))
        this.findings.expect(
          4,
          state === "ready",
          `${place}: ${name} was acknowledged and is ${state ?? "lost"}`,
        );
      if (deleted === "done" && id !== "")
        this.findings.expect(4, state === undefined, `${place}: ${name} was deleted and is ${state}`);
    }
    for (const { name, id = "", size, growing } of [...model.volumes.values()].filter(isLive)) {
      const found = content.volumes.find((each) => each.id === id)?.size;
      const fits = found === undefined || found === size || growing.includes(found);
      this.findings.expect(4, fits, `${place}: ${name} has ${found} bytes, acknowledged were ${size}`);
    }
  }
}

const linear = ({ offset, length }: Extent, device: string): string =>
  `0 ${length / SECTOR} linear ${device} ${offset / SECTOR}`;

const overlaps = ({ offset, length }: LogEntry, extent: Extent): boolean =>
  BigInt(offset) < extent.offset + extent.length && extent.offset < BigInt(offset + length);

async function verifyFlushes(settings: FlushSettings): Promise<FlushVerdict> {
  mkdirSync(MOUNT_POINT, { recursive: true });
  const events = readJournal(settings.journal);
  const replay = new Replay(settings);
  const { entries } = replay;
  const check = new FlushCheck(replay, settings.base);
  const counts = { flushes: 0, states: 0, catalogs: 0, metadata: 0 };
  let from = 0;
  for (const [index, { kind }] of entries.entries()) {
    if (kind !== "flush" && kind !== "fua") continue;
    counts.flushes += 1;
    const written = entries
      .slice(from, index + 1)
      .filter((each) => each.kind !== "flush" && each.kind !== "mark");
    const changed = (extent: Extent): boolean => written.some((each) => overlaps(each, extent));
    const { catalog, meta } = check.label?.extents ?? {};
    const differs = catalog === undefined || meta === undefined || changed(catalog) || changed(meta);
    if (!differs) continue;
    const state = after(index);
    replay.advance(state.whole);
    await check.state(`entry ${index} of ${entries.length}`, modelAt(entries, events, state), changed);
    from = index + 1;
    counts.states += 1;
    if (catalog !== undefined && changed(catalog)) counts.catalogs += 1;
    if (meta !== undefined && changed(meta)) counts.metadata += 1;
    if (check.findings.violations.length > 20) break;
  }
  return { violations: check.findings.violations, ...counts };
}

console.log(`${VERDICT}${JSON.stringify(await verifyFlushes(settingsOf() as FlushSettings))}`);
