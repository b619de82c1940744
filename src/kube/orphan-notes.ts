/** Since when what is an orphan, in a ConfigMap: a grace period must outlive a controller, and be the same for all of them. */
import { z } from "zod";
import type { ClusterOrphanList } from "../core/cluster-orphans.ts";
import { remember, type OrphanMemory } from "../plan/orphan-memory.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";

export interface OrphanNotes {
  /** Undefined: there are none, or they are not understood: grace periods begin anew. Rejects where they cannot be read. */
  read(): Promise<OrphanMemory | undefined>;
  /** Rejects where others have written since it was read. */
  write(memory: OrphanMemory): Promise<void>;
}

const KEY = "orphans.json";
const date = z.iso.datetime().transform((text) => Date.parse(text));
const schema = z.object({ lookedAt: date, since: z.record(z.string(), date) });

export function orphanNotes(
  { core }: Pick<Api, "core">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): OrphanNotes {
  const place = { namespace, name };
  const what = `ConfigMap ${namespace}/${name}`;
  /** Of what was read last. */
  let version: string | undefined;
  return {
    read: async () => {
      try {
        const { metadata, data } = await core.readNamespacedConfigMap(place);
        version = metadata?.resourceVersion;
        return parse(data?.[KEY] ?? "");
      } catch (error) {
        if (codeOf(error) !== NOT_FOUND) throw apiError(`${what} is not readable`, error);
        version = undefined;
        return undefined;
      }
    },
    write: async ({ lookedAt, since }) => {
      const times = [...since].map(([id, time]): [string, string] => [id, new Date(time).toISOString()]);
      const notes = { lookedAt: new Date(lookedAt).toISOString(), since: Object.fromEntries(times) };
      const metadata = {
        name,
        namespace,
        labels: { "app.kubernetes.io/name": "dmthin" },
        ...(version === undefined ? {} : { resourceVersion: version }),
      };
      const body = { metadata, data: { [KEY]: JSON.stringify(notes) } };
      try {
        if (version === undefined) await core.createNamespacedConfigMap({ namespace, body });
        else await core.replaceNamespacedConfigMap({ ...place, body });
      } catch (error) {
        throw apiError(`${what} cannot be written`, error);
      }
    },
  };
}

/** After a look of the controller that leads. Rejects where they cannot be kept. */
export async function noteOrphans(
  notes: OrphanNotes,
  list: ClusterOrphanList,
  times: { readonly now: number; readonly everyMs: number },
): Promise<void> {
  await notes.write(remember(await notes.read(), list, times));
}

function parse(text: string): OrphanMemory | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return undefined;
  const { lookedAt, since } = parsed.data;
  return { lookedAt, since: new Map(Object.entries(since)) };
}
