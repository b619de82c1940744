/** What the labels on the disks of the machine say of a pool whose disks are selected. Pure. */
import { PoolSetupError } from "../../core/errors.ts";
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import { labelledMember } from "../label.ts";
import type { Label } from "../label.ts";
import { membersOf } from "../layout.ts";

export interface LabelledDisk {
  readonly path: string;
  readonly label: Label;
}

/** The pool of that name by the labels. Throws PoolSetupError where they speak of several, or do not know the active one. */
export function poolOfName(
  name: PoolName,
  found: readonly LabelledDisk[],
  active: PoolUuid | undefined,
): PoolUuid | undefined {
  const named = found.filter(({ label }) => label.backing === "devices" && label.name === name);
  const byPool = Map.groupBy(named, ({ label }) => label.pool);
  // What else has come with that name does not touch a pool in use.
  if (active !== undefined && byPool.has(active)) return active;
  if (active !== undefined && !found.some(({ label }) => label.pool === active))
    throw new PoolSetupError(
      `pool ${name}: is active as ${active}, and no disk that can be read carries its label; look what became of its disks`,
    );
  const [uuid, ...others] = byPool.keys();
  if (others.length === 0) return uuid;
  const pools = [...byPool].map(([pool, on]) => `${pool} on ${on.map(({ path }) => path).join(", ")}`);
  throw new PoolSetupError(
    `pool ${name}: two pools of that name are here: ${pools.join("; ")}; take one out, or give it another name: dmthin pool adopt UUID --as NAME`,
  );
}

/** Of a complete pool, those that its labels list and that no disk has. The first one is missed by `assignRoles`. */
export function lostMembers(labels: readonly Label[]): readonly string[] {
  const primary = labels.find(({ member }) => member === "metadata");
  if (primary?.state !== "ready") return [];
  const present = new Set(labels.map(labelledMember));
  return membersOf(primary.extents)
    .filter((member) => !present.has(member))
    .map((member) => `disk ${member}`);
}

/** How many disks are to be taken beside those that carry a label of the pool. */
export function neededDisks(count: number, labels: readonly Label[]): number {
  if (labels.length === 0) return count;
  const primary = labels.find(({ member }) => member === "metadata");
  if (primary === undefined) return 0;
  // A creation that was cut off goes on with what it began with.
  const wanted = primary.state === "creating" ? membersOf(primary.extents).length : count;
  return Math.max(0, wanted - labels.length);
}
