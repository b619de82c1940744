/**
 * How often a service account has called the API server. A FlowSchema of its own for each account makes the API server's priority and fairness count
 * them; where that is off, or several API servers share the work, the counts are too low or none.
 */
import { nameOf } from "./settings.ts";
import type { World } from "./world.ts";

const COUNTER = "apiserver_flowcontrol_dispatched_requests_total";
/** What service accounts have anyway. */
const LEVEL = "workload-low";

/** Account of `namespace` → its FlowSchema. They are deleted with the scenario. */
export async function countCalls(world: World, namespace: string): Promise<ReadonlyMap<string, string>> {
  const accounts = (await world.kubectl.list(["get", "serviceaccounts", `--namespace=${namespace}`]))
    .map(nameOf)
    .filter((name) => name !== "default");
  const schemas = new Map(accounts.map((account) => [account, `${world.namespace}-${account}`.slice(0, 63)]));
  world.atEnd(() =>
    world.kubectl.run([
      "delete",
      "flowschemas.flowcontrol.apiserver.k8s.io",
      ...schemas.values(),
      "--ignore-not-found",
    ]),
  );
  await world.apply(
    ...[...schemas].map(([account, name]) => ({
      apiVersion: "flowcontrol.apiserver.k8s.io/v1",
      kind: "FlowSchema",
      metadata: { name },
      spec: {
        priorityLevelConfiguration: { name: LEVEL },
        matchingPrecedence: 500,
        distinguisherMethod: { type: "ByUser" },
        rules: [
          {
            subjects: [{ kind: "ServiceAccount", serviceAccount: { name: account, namespace } }],
            resourceRules: [
              { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
            ],
            nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
          },
        ],
      },
    })),
  );
  return schemas;
}

/** Calls of each account since its FlowSchema is there. */
export async function callsOf(
  world: World,
  schemas: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, number>> {
  const metrics = (await world.kubectl.run(["get", "--raw", "/metrics"])).split("\n");
  const countOf = (schema: string): number =>
    metrics
      .filter((line) => line.startsWith(COUNTER) && line.includes(`flow_schema="${schema}"`))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  return new Map([...schemas].map(([account, schema]) => [account, countOf(schema)]));
}
