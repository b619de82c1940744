/** Fifty claims at once: how long it takes, and what it costs the API server. */
import type { V1Pod } from "@kubernetes/client-node";

import { callsOf, countCalls } from "../framework/api-calls.ts";
import { claim, pod } from "../framework/manifests.ts";
import { isReady, nodeOf } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { expect } from "../framework/world.ts";

const CLAIMS = 50;

const fifty: Scenario = {
  id: "fifty-claims-at-once",
  title: "fifty claims with fifty pods, applied at once, all run; nodes ask the API server nothing",
  alone: true,
  deadlineMs: 1_500_000,
  async run(world) {
    const { image } = world.cluster.settings;
    const names = Array.from({ length: CLAIMS }, (_, index) => `claim-${index}`);
    const counted = await countCalls(world);
    const before = await callsOf(world, counted);
    const began = performance.now();
    await world.apply(
      ...names.flatMap((name) => [
        claim({ name, class: world.classes.ext4, size: "64Mi" }),
        pod({ name, image, claim: name, labels: { many: "yes" } }),
      ]),
    );
    const pods = await world.phase("pods start", () =>
      world.watch<V1Pod, readonly V1Pod[]>({
        get: ["pods", "--selector=many=yes"],
        what: `${CLAIMS} pods run`,
        timeoutMs: 600_000,
        judge: (found) => (found.filter(isReady).length === CLAIMS ? found : undefined),
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const calls = await callsOf(world, counted);
    const places = pods.map(nodeOf);
    const spread = world.cluster.nodes.map(
      ({ name }) => `${name} ${places.filter((each) => each === name).length}`,
    );
    world.remarks.push(
      `all ${CLAIMS} pods run ${seconds.toFixed(1)} s after kubectl apply: ${spread.join(", ")}`,
    );
    for (const [account, count] of calls) {
      const made = count - (before.get(account) ?? 0);
      world.remarks.push(`calls to the API server by ${account}: ${made}`);
      expect(!account.includes("node") || made === 0, `${account} has made ${made} calls: nodes make none`);
    }
  },
};

export const MANY: readonly Scenario[] = [fifty];
