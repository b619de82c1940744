import { expect, test } from "vitest";
import { requestOf } from "../../../src/kube/request.ts";

test.each([
  ["GET", "/api/v1/nodes", "list nodes"],
  ["GET", "/api/v1/namespaces/kube-system", "get namespaces"],
  ["GET", "/api/v1/namespaces/dmthin-system/pods?labelSelector=a%3Db", "list pods"],
  ["PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", "update leases"],
  ["PUT", "/apis/dmthin.io/v1alpha1/thinpools/a.fast/status", "update thinpools/status"],
  ["POST", "/apis/dmthin.io/v1alpha1/thinpools", "create thinpools"],
  ["DELETE", "/apis/dmthin.io/v1alpha1/thinpools/a.fast", "delete thinpools"],
  ["PATCH", "/apis/events.k8s.io/v1/namespaces/a/events/b", "patch events"],
  ["GET", "/version", "other other"],
])("%s %s is counted as %s", (method, path, expected) => {
  const { verb, resource } = requestOf(method, `https://10.96.0.1${path}`);
  expect(`${verb} ${resource}`).toBe(expected);
});
