/**
 * `dmthin pool rehome`: the disks of a pool are in another node now, and its PersistentVolumes have to say so. For a person with
 * a kubeconfig; drivers and controllers have no such rights. Exit codes: docs/guides/move-disks.md.
 */
import { planJson, planText } from "./commands/rehome-text.ts";
import { messageOf, PreconditionError } from "./core/errors.ts";
import type { PoolUuid } from "./core/ids.ts";
import { connectRaw, type RawApi } from "./kube/raw.ts";
import { Rehoming } from "./kube/rehome.ts";
import { planRehome, type RehomePlan } from "./plan/rehome.ts";

export interface PoolRehomeCommand {
  readonly kind: "pool-rehome";
  readonly pool: PoolUuid;
  readonly node: string;
  readonly namespace: string;
  /** Else the plan is printed, and nothing is changed. */
  readonly apply: boolean;
  /** As kubectl has them. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly json: boolean;
}

const DONE = 0;
const REFUSED = 1;
/** The API server did not answer, or not as it should, or a PersistentVolume was changed by somebody else meanwhile. */
const UNDONE = 2;
const NO_SUCH_POOL = 3;
/** Some PersistentVolumes were left as they are. */
const LEFT = 4;

/** Where text goes. */
export interface Voice {
  readonly out: (text: string) => void;
  readonly problem: (text: string) => void;
}

const OWN_VOICE: Voice = {
  out: (text) => void process.stdout.write(text),
  problem: (text) => void process.stderr.write(`dmthin: ${text}\n`),
};

/** Answers the exit code. */
export async function runPoolRehome(command: PoolRehomeCommand): Promise<number> {
  try {
    return await rehome(connectRaw(command), command, OWN_VOICE);
  } catch (error) {
    OWN_VOICE.problem(messageOf(error));
    return UNDONE;
  }
}

/** Rejects where the API server does not do as it is asked; what was begun is then ended by the next call. */
export async function rehome(api: RawApi, command: PoolRehomeCommand, voice: Voice): Promise<number> {
  const { node, pool, apply, json } = command;
  const rehoming = new Rehoming(api, command);
  const sight = await rehoming.look();
  const plan = planRehome(sight);
  voice.out(json ? planJson(plan, { pool, node, apply }) : planText(plan, { node, apply }));
  if (plan.refused.length > 0) return REFUSED;
  if (plan.volumes.length + plan.done.length + plan.left.length === 0) {
    voice.problem(`no PersistentVolume is of pool ${pool}`);
    return NO_SUCH_POOL;
  }
  if (apply) {
    const undone = await moveAll(rehoming, command, plan, voice);
    // Of calls that were cut short as well: they had no time to wait.
    const all = [...sight.volumes, ...sight.notes.map(({ before }) => before)];
    const lost = await rehoming.untilClaimsFound(all.flatMap(({ claim }) => claim ?? []));
    for (const { namespace, name } of lost)
      voice.problem(
        `Kubernetes still calls claim ${namespace}/${name} Lost, although its PersistentVolume is there`,
      );
    if (undone + lost.length > 0) return UNDONE;
  }
  return plan.left.length > 0 ? LEFT : DONE;
}

/** One after the other: at any time one claim at most is without its PersistentVolume. Answers how many somebody else has changed. */
async function moveAll(
  rehoming: Rehoming,
  { node, json }: PoolRehomeCommand,
  { volumes }: RehomePlan,
  voice: Voice,
): Promise<number> {
  let undone = 0;
  for (const plan of volumes) {
    const { name, steps } = plan;
    const move = rehoming.moveOf(plan);
    try {
      for (const step of steps) {
        const remark = await move.perform(step);
        if (remark !== undefined && !json) voice.out(`${name}: ${remark}\n`);
      }
      if (!json) voice.out(`${name} is on ${node}\n`);
    } catch (error) {
      // The others are as they were planned; a cluster that does not do its part does it for none of them.
      if (!(error instanceof PreconditionError)) throw error;
      voice.problem(error.message);
      undone += 1;
    }
  }
  return undone;
}
