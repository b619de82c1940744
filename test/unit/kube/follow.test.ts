import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import { afterEach, expect, test, vi } from "vitest";
import { followList, type Following } from "../../../src/kube/follow.ts";
import { until } from "../../support/fleet-bench.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { answerWith, startSmallApi, type SmallApi } from "../../support/small-api.ts";

const item = (version: number) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: `a-${version}`, resourceVersion: String(version) },
});

let small: SmallApi;
let following: Following<KubernetesObject>;
afterEach(async () => {
  following.close();
  vi.restoreAllMocks();
  await small.stop();
});

/** The times at which it is watched; `answers`, by their order, else 500. */
async function follow(...answers: readonly ((response: ServerResponse) => void)[]) {
  const at: number[] = [];
  small = await startSmallApi((_request, response) => {
    at.push(performance.now());
    const answer = answers[at.length - 1];
    if (answer === undefined) answerWith(response, 500, {});
    else answer(response);
  });
  const list = async () => ({ items: [item(1)], metadata: { resourceVersion: "1" } });
  const { log, lines } = recordingLog();
  const source = { path: "/api/v1/configmaps", list, what: "configmaps" };
  following = followList<KubernetesObject>(small.api, source, () => {}, log);
  return { at, lines };
}

const refuses = (response: ServerResponse): void => answerWith(response, 500, {});
const tells = (response: ServerResponse): void =>
  void response.writeHead(200).end(`${JSON.stringify({ type: "ADDED", object: item(2) })}\n`);

test("a watch that is refused again and again is told once", async () => {
  const { at, lines } = await follow(refuses);
  await until(() => at.length === 2);
  await sleep(100);
  expect(lines).toHaveLength(1);
}, 30_000);

test("a watch that ran and is refused again is told again, and soon tried again", async () => {
  const timers = vi.spyOn(globalThis, "setTimeout");
  const { at, lines } = await follow(refuses, tells, refuses);
  await until(() => at.length === 4);
  await sleep(100);
  expect(following.objects()).toHaveLength(2);
  // Others use timers as well, with other times.
  const waited = timers.mock.calls.flatMap(([, ms = 0]) => ([2000, 4000].includes(ms) ? [ms] : []));
  expect(waited.slice(0, 2)).toStrictEqual([2000, 2000]);
  expect(lines).toHaveLength(2);
}, 30_000);
