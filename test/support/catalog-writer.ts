/**
 * A process to be killed, or to run out of room: `catalog-writer.ts PATH COUNT PADDING` opens or makes the catalog, commits volume
 * after volume and says `ack N` only after each. Ends with the kind of the error that stopped it, twice asked.
 */
import { writeSync } from "node:fs";

import { isDriverError } from "../../src/core/errors.ts";
import { openCatalog } from "../../src/pool/catalog.ts";
import { poolRecord, volumeRecord } from "./records.ts";

const [path = "", count = "", padding = "0"] = process.argv.slice(2);
const kindOf = (error: unknown): string => (isDriverError(error) ? error.kind : String(error));

const catalog = await openCatalog(path, { deadlineMs: 20_000, create: poolRecord() });
const { volumes } = await catalog.load();
writeSync(1, `open ${volumes.length}\n`);
const commit = (number: number): Promise<void> =>
  catalog.commit([
    {
      kind: "put-volume",
      record: volumeRecord(number, { mkfsOptions: ["x".repeat(Number(padding))] }),
    },
  ]);

for (let number = volumes.length + 1; number <= Number(count); number += 1) {
  try {
    await commit(number);
  } catch (error) {
    writeSync(1, `first ${kindOf(error)}\n`);
    await commit(number).catch((second: unknown) => writeSync(1, `second ${kindOf(second)}\n`));
    break;
  }
  writeSync(1, `ack ${number}\n`);
}
await catalog.close();
