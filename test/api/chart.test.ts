/** What the chart renders, as a real API server takes it: strictly, so that a field it does not know is an error. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import { rawApi, type RawApi } from "../cluster/raw-api.ts";
import { manifestsOf, RENDERED, rendered, workload, type Manifest } from "../support/manifests.ts";

let directory: string;
let plane: ControlPlane;
let api: RawApi;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "chart-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "", CHART_CRDS: crds = "" } = process.env;
  if (etcd === "" || apiserver === "" || crds === "") throw new Error("a tool is not set: run `make api`");
  plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  api = rawApi(plane.url, plane.admin.getCurrentUser()?.token ?? "");
  const definitions = crds
    .split("\n")
    .filter((path) => path !== "")
    .flatMap((path) => manifestsOf(readFileSync(path, "utf8")));
  for (const definition of definitions) await make(definition);
  await make(namespace);
  const groups = new Set(definitions.map(versionOf));
  const served = async (): Promise<void> => {
    for (const group of groups)
      if ((await api.ask("GET", `/apis/${group}`)).status !== 200) throw new Error(`no ${group} yet`);
  };
  await vi.waitFor(served, { timeout: 30_000, interval: 200 });
});

afterAll(async () => {
  await plane.stop();
  rmSync(directory, { recursive: true });
});

const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "dmthin-system" } };

const versionOf = ({ spec }: Manifest): string => {
  const { group, versions } = spec as {
    readonly group: string;
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
  return `${group}/${versions.find(({ served }) => served)?.name}`;
};

async function make(object: Manifest): Promise<void> {
  const { status, body } = await api.ask("POST", await api.collectionOf(object), object);
  if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${status} ${body}`);
}

/** What is wrong with an object; empty where nothing is. It is not kept. */
async function complaints(object: Manifest): Promise<string> {
  const path = `${await api.collectionOf(object)}?dryRun=All&fieldValidation=Strict`;
  const { status, body } = await api.ask("POST", path, object);
  // Namespace and accounts are there already, for the pods.
  if (status === 201 || (status === 409 && ["Namespace", "ServiceAccount"].includes(object.kind))) return "";
  return `${object.kind} ${object.metadata.name}: ${(JSON.parse(body) as { readonly message: string }).message}`;
}

describe.each(RENDERED)("%s", (path) => {
  const manifests = rendered(path);

  test("is taken, object by object", async () => {
    expect(manifests.length).toBeGreaterThan(15);
    const said = await Promise.all(manifests.map(complaints));
    expect(said.filter((each) => each !== "")).toEqual([]);
  });

  test("has pods that are taken", async () => {
    // Of a workload the server looks at the pods' shape alone; admission comes with a pod.
    for (const object of manifests.filter(({ kind }) => kind === "ServiceAccount"))
      await api.ask("POST", await api.collectionOf(object), object);
    const pods = (["DaemonSet", "Deployment"] as const).map((kind): Manifest => {
      const { template } = workload(manifests, kind).spec;
      const metadata = { ...template.metadata, name: kind.toLowerCase(), namespace: "dmthin-system" };
      return { apiVersion: "v1", kind: "Pod", metadata, spec: template.spec };
    });
    const said = await Promise.all(pods.map(complaints));
    expect(said.filter((each) => each !== "")).toEqual([]);
  });
});

test("a field that there is not is refused", async () => {
  const first = workload(rendered("deploy/dmthin.yaml"), "DaemonSet");
  expect(await complaints({ ...first, spec: { ...first.spec, nonsense: 1 } })).toMatch(
    /unknown field "spec\.nonsense"/,
  );
});
