/**
 * Pools of thousands of volumes without thousands of calls: the thin metadata by thin_restore, the records straight into the
 * catalog. What a driver finds then is what it would have made, and it checks it as it does any pool.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

import { objectKey, thinId, volumeId } from "../../src/core/ids.ts";
import type { Change, VolumeRecord } from "../../src/core/records.ts";
import { bytes } from "../../src/core/units.ts";
import { closeCatalogFile, openCatalogFile } from "../../src/pool/catalog-file.ts";
import { CatalogStore } from "../../src/pool/catalog-store.ts";
import { thinPoolWords } from "../../test/support/pool-words.ts";
import { fabricatedXml, MAPPED_BLOCKS } from "../model/thin-xml.ts";
import { timed } from "./command.ts";
import type { DmthinSide } from "./dmthin.ts";

/** Virtual, of each. */
const VOLUME_MIB = 16n;
const CHANGES_AT_ONCE = 1000;

/** The driver must have made the pool and have ended. Thin ids 0 to `count` - 1. The pool is inactive afterwards. */
export async function fabricateVolumes(dmthin: DmthinSide, count: number): Promise<void> {
  const { total } = await thinPoolWords(dmthin.poolDevice);
  await timed("dmsetup", "remove", "--retry", dmthin.poolDevice);
  const transactionId = await recordVolumes(dmthin, count);
  const xml = `${dmthin.directory}/fabricated.xml`;
  const pool = { transactionId, blockSectors: 128, dataBlocks: Number(total) };
  writeFileSync(xml, fabricatedXml(pool, count));
  await timed("thin_restore", "-q", "-i", xml, "-o", `/dev/mapper/dmthin-${dmthin.pool}-meta`);
  rmSync(xml);
}

/** Answers the pool's new transaction id. */
async function recordVolumes(dmthin: DmthinSide, count: number): Promise<bigint> {
  const mount = `${dmthin.directory}/catalog`;
  mkdirSync(mount);
  await timed("mount", `/dev/mapper/dmthin-${dmthin.pool}-catalog`, mount);
  try {
    const database = openCatalogFile(`${mount}/catalog.db`);
    const store = new CatalogStore(database);
    const { pool } = store.load();
    const record = { ...pool, transactionId: pool.transactionId + 1n, thinIdLimit: count };
    store.commit([{ kind: "put-pool", record }]);
    const puts = Array.from({ length: count }, (_one, number): Change => ({
      kind: "put-volume",
      record: volume(pool.uuid, number),
    }));
    for (let from = 0; from < count; from += CHANGES_AT_ONCE)
      store.commit(puts.slice(from, from + CHANGES_AT_ONCE));
    closeCatalogFile(database);
    return record.transactionId;
  } finally {
    await timed("umount", mount);
    rmSync(mount, { recursive: true });
  }
}

const volume = (uuid: Parameters<typeof volumeId>[0], number: number): VolumeRecord => ({
  id: volumeId(uuid, objectKey(number.toString(16).padStart(20, "0"))),
  name: `pvc-fabricated-${number}`,
  state: "ready",
  size: bytes(VOLUME_MIB << 20n),
  thinId: thinId(number),
  source: { kind: "empty" },
  access: ["block"],
  mkfsOptions: [],
  format: { state: "blank" },
  createdAt: "2026-01-01T00:00:00.000Z",
});

/** For the note of a row. */
export const FABRICATED = `fabricated by thin_restore and catalog rows, ${MAPPED_BLOCKS} mapped blocks each`;
