/** Calls that belong to the life of a volume, in an order that nobody would choose. */
import { setTimeout as sleep } from "node:timers/promises";

import type { Random } from "../random.ts";
import { complaintOf, type Caller } from "./caller.ts";
import { encode, type Message, type Rpc } from "./contract.ts";

export const LIFECYCLE: ReadonlySet<string> = new Set(
  (
    "CreateVolume DeleteVolume ControllerExpandVolume CreateSnapshot DeleteSnapshot ListVolumes ListSnapshots " +
    "CreateVolumeGroupSnapshot DeleteVolumeGroupSnapshot NodeStageVolume NodePublishVolume NodeUnpublishVolume " +
    "NodeUnstageVolume NodeExpandVolume NodeGetVolumeStats"
  ).split(" "),
);

export interface Life {
  readonly random: Random;
  readonly rpcs: readonly Rpc[];
  readonly message: () => Message;
  /** Told what a CreateVolume made. */
  readonly learn: (message: Message, response: Message) => void;
  /** For the maps that nobody may log. */
  readonly private: (random: Random) => string;
}

/** Three to six calls at once. Answers what was wrong with the answers. */
export async function liveAtRandom(caller: Caller, life: Life): Promise<readonly string[]> {
  const calls = Array.from({ length: life.random.between(3, 6) }, () => oneCall(caller, life));
  return (await Promise.all(calls)).flat();
}

async function oneCall(caller: Caller, life: Life): Promise<readonly string[]> {
  const { random, rpcs, private: text } = life;
  const rpc = random.pick(rpcs);
  if (rpc === undefined) throw new RangeError("no rpcs");
  const secrets = { [text(random)]: text(random) };
  const message = life.message();
  const bytes = encode(rpc.request, { ...message, secrets });
  const copies = random.chance(0.2) ? 3 : 1;
  const deadlineMs = random.pick([undefined, undefined, undefined, 1, random.between(2, 300)]);
  const cancelMs = random.chance(0.1) ? random.between(0, 200) : undefined;
  const answers = Array.from({ length: copies }, async () => {
    const call = caller.start(rpc.path, bytes, deadlineMs);
    if (cancelMs !== undefined) void sleep(cancelMs).then(() => call.cancel());
    const answer = await call.answer;
    if (rpc.name === "CreateVolume" && answer.body !== undefined)
      life.learn(message, rpc.response.decode(answer.body).toJSON());
    return complaintOf(rpc.name, answer, {
      late: deadlineMs !== undefined,
      cancelled: cancelMs !== undefined,
    });
  });
  return (await Promise.all(answers)).filter((each) => each !== undefined);
}
