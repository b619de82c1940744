/** From a report to what a command prints and its exit code. Pure. Codes: docs/reference/commands.md. */
import type { ReadPool, ReadReport } from "../monitor/report-json.ts";
import { formatJson } from "../core/json.ts";
import type { Paint } from "./paint.ts";
import {
  findObject,
  showSnapshot,
  showSnapshots,
  showVolume,
  showVolumes,
  snapshotsOf,
  volumesOf,
} from "./show-objects.ts";
import { isWell, showPool, showPools, showStatus } from "./show-pool.ts";
import { oneLine } from "./table.ts";

export type View =
  | { readonly kind: "status" | "pool-list" | "volume-list" | "snapshot-list" }
  | { readonly kind: "pool-show" | "volume-show" | "snapshot-show"; readonly wanted: string };

export const EXIT = {
  ok: 0,
  /** It cannot be said: no driver answers, or the pool that may have it is not open. */
  unknown: 2,
  /** There is no such pool, volume or snapshot. */
  missing: 3,
  /** Answered, and a pool needs a person: it is not open, does not answer, or a condition holds. */
  attention: 4,
} as const;

export interface Said {
  readonly exitCode: number;
  readonly output: string;
  /** For standard error. */
  readonly complaint?: string;
}

export function answer(view: View, report: ReadReport, json: boolean, paint: Paint): Said {
  const say = (value: unknown, text: () => string): string => (json ? formatJson(value) : text());
  const { pools } = report;
  switch (view.kind) {
    case "status":
      return {
        exitCode: pools.every(isWell) ? EXIT.ok : EXIT.attention,
        output: say(report, () => showStatus(report, paint)),
      };
    case "pool-list":
      return { exitCode: EXIT.ok, output: say(pools, () => showPools(pools, paint)) };
    case "pool-show": {
      const pool = pools.find(({ name }) => name === view.wanted);
      if (pool !== undefined)
        return { exitCode: EXIT.ok, output: say(pool, () => showPool(pool, report, paint)) };
      const known = pools.map(({ name }) => name).join(", ");
      return {
        exitCode: EXIT.missing,
        output: "",
        complaint: `no pool is named ${view.wanted}; there are ${known}`,
      };
    }
    case "volume-list": {
      const volumes = volumesOf(report);
      return listed(
        pools,
        say(volumes, () => showVolumes(volumes, paint)),
      );
    }
    case "snapshot-list": {
      const snapshots = snapshotsOf(report);
      return listed(
        pools,
        say(snapshots, () => showSnapshots(snapshots, paint)),
      );
    }
    case "volume-show": {
      const volume = findObject(volumesOf(report), view.wanted);
      if (volume === undefined) return notFound("volume", view.wanted, pools);
      return { exitCode: EXIT.ok, output: say(volume, () => showVolume(volume, paint)) };
    }
    case "snapshot-show": {
      const snapshot = findObject(snapshotsOf(report), view.wanted);
      if (snapshot === undefined) return notFound("snapshot", view.wanted, pools);
      return { exitCode: EXIT.ok, output: say(snapshot, () => showSnapshot(snapshot, paint)) };
    }
  }
}

const notOpen = (pools: readonly ReadPool[]): string | undefined => {
  const texts = pools.flatMap((pool) =>
    pool.kind === "absent" ? [`${pool.name} (${oneLine(pool.reason)})`] : [],
  );
  return texts.length === 0 ? undefined : texts.join(", ");
};

/** What is of a pool that is not open is not in the list, and that is said. */
function listed(pools: readonly ReadPool[], output: string): Said {
  const absent = notOpen(pools);
  if (absent === undefined) return { exitCode: EXIT.ok, output };
  return {
    exitCode: EXIT.attention,
    output,
    complaint: `not listed, as these pools are not open: ${absent}`,
  };
}

function notFound(what: string, wanted: string, pools: readonly ReadPool[]): Said {
  const absent = notOpen(pools);
  return absent === undefined
    ? { exitCode: EXIT.missing, output: "", complaint: `no ${what} has the id or name ${wanted}` }
    : {
        exitCode: EXIT.unknown,
        output: "",
        complaint: `no ${what} ${wanted} is in an open pool; not open: ${absent}`,
      };
}
