/** Since when what is an orphan, in a ConfigMap: a grace period must outlive a controller, and be the same for all of them. */
import { z } from "zod";
import type { ClusterOrphanList } from "../core/cluster-orphans.ts";
import { remember, sightingOf, type OrphanMemory } from "../plan/orphan-memory.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";

export interface OrphanNotes {
  /** Undefined: there are none, or they are not understood: grace periods begin anew. Rejects where they cannot be read. */
  read(): Promise<OrphanMemory | undefined>;
  /** Rejects where others have written since it was read. */
  write(memory: OrphanMemory): Promise<void>;
}

const KEY = "orphans.json";
const date = z.iso.datetime().transform((text) => Date.parse(text));
/** By node, then by id: a node's name may be long, and a ConfigMap holds 1 MiB. */
const schema = z.object({ lookedAt: date, since: z.record(z.string(), z.record(z.string(), date)) });

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
      const notes = { lookedAt: new Date(lookedAt).toISOString(), since: byNode(since) };
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
  const sightings = Object.entries(since).flatMap(([node, times]) =>
    Object.entries(times).map(([name, time]) => [sightingOf({ node, name }), time] as const),
  );
  return { lookedAt, since: new Map(sightings) };
}

function byNode(since: OrphanMemory["since"]): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const nodes: Record<string, Record<string, string>> = {};
  for (const [sighting, time] of since) {
    // Neither a node's name nor an id has a slash.
    const [node = "", id = ""] = sighting.split("/");
    (nodes[node] ??= {})[id] = new Date(time).toISOString();
  }
  return nodes;
}
