import type { V1ContainerStatus, V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";

import { containersOf, isReadyWithout } from "../../e2e/suite/framework/driver.ts";

type Ids = Readonly<Record<string, string | undefined>>;

function statusOf([name, containerID]: readonly [string, string | undefined]): V1ContainerStatus {
  const rest = { name, image: "", imageID: "", ready: true, restartCount: 0 };
  return containerID === undefined ? rest : { ...rest, containerID };
}

/** With a sidecar, an init container that ended long ago, and two containers; those of `ids` have a status. */
const pod = (
  ids: Ids,
  { ready = true, init = {}, metadata = {} }: { ready?: boolean; init?: Ids; metadata?: V1ObjectMeta } = {},
): V1Pod => ({
  metadata,
  spec: {
    initContainers: [{ name: "guard", restartPolicy: "Always" }, { name: "prepare" }],
    containers: [{ name: "driver" }, { name: "registrar" }],
  },
  status: {
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    initContainerStatuses: Object.entries(init).map(statusOf),
    containerStatuses: Object.entries(ids).map(statusOf),
  },
});

const before = pod({ driver: "c://1", registrar: "c://2" }, { init: { guard: "c://3", prepare: "c://4" } });
const gone = containersOf([before]);
const init = { guard: "c://13", prepare: "c://4" };
const started = { driver: "c://11", registrar: "c://12" };

describe("a pod of the driver after its node lost its power", () => {
  test("all that stays while the pod does is remembered, the sidecars too", () => {
    expect([...gone].toSorted()).toEqual(["c://1", "c://2", "c://3"]);
    expect(containersOf([pod({ driver: undefined })])).toEqual(new Set());
  });

  test("ready as it was before is not ready", () => {
    expect(isReadyWithout(before, gone)).toBe(false);
    expect(isReadyWithout(before, new Set())).toBe(true);
  });

  test("ready with other containers is ready", () => {
    expect(isReadyWithout(pod(started, { init }), gone)).toBe(true);
    expect(isReadyWithout(pod(started, { init, metadata: { uid: "another" } }), gone)).toBe(true);
  });

  test.each<readonly [string, V1Pod]>([
    ["one container is that of before", pod({ driver: "c://11", registrar: "c://2" }, { init })],
    ["its sidecar is that of before", pod(started, { init: { guard: "c://3" } })],
    ["one container has no status", pod({ driver: "c://11" }, { init })],
    ["its sidecar has no status", pod(started)],
    ["one container has no id", pod({ driver: "c://11", registrar: undefined }, { init })],
    ["one container has an empty id", pod({ driver: "c://11", registrar: "" }, { init })],
    ["it is not ready", pod(started, { init, ready: false })],
    ["it is being deleted", pod(started, { init, metadata: { deletionTimestamp: new Date() } })],
  ])("not ready: %s", (_why, found) => {
    expect(isReadyWithout(found, gone)).toBe(false);
  });
});
