/** docs/reference/kubernetes.md says of versions and rights what the chart renders. */
import { describe, expect, test } from "vitest";
import { CLUSTER_RULES, NAMESPACE_RULES } from "../../cluster/objects.ts";
import {
  containersOf,
  rendered,
  theOne,
  workload,
  type Manifest,
  type Rule,
} from "../../support/manifests.ts";
import { documentText } from "../../support/markdown.ts";

const DOCUMENT = documentText("docs/reference/kubernetes.md");
const EVERYTHING = rendered("test/chart/rendered/everything.yaml");

/** Cells of the table in a section whose first column is that. */
function rows(section: string, first: string): readonly (readonly string[])[] {
  const part = DOCUMENT.split(/^## /m).find((each) => each.startsWith(`${section}\n`)) ?? "";
  const lines = part.split("\n").filter((line) => line.startsWith("|"));
  const begin = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  return lines.slice(begin + 2).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

/** Roles are named after containers, but for the router's. */
const containerOf = (role: string): string => {
  const name = role.slice("dmthin-".length);
  return name === "controller" ? "router" : `csi-${name}`;
};

/** `thinpools.dmthin.io/status`, and the names that it is for. */
function resourceText(group: string, resource: string, names: readonly string[]): string {
  const [kind = "", part] = resource.split("/");
  const whole = `${group === "" ? kind : `${kind}.${group}`}${part === undefined ? "" : `/${part}`}`;
  return [whole, ...names].map((each) => `\`${each}\``).join(" ");
}

const rulesOf = (role: Manifest): readonly string[] =>
  (role["rules"] as readonly Rule[]).flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) =>
    apiGroups.flatMap((group) =>
      resources.map((resource) =>
        [
          containerOf(role.metadata.name),
          role.kind === "Role" ? "namespace" : "cluster",
          resourceText(group, resource, resourceNames),
          verbs.toSorted().join(", "),
        ].join(" | "),
      ),
    ),
  );

test("the table of rights is what the chart gives", () => {
  const given = EVERYTHING.filter(({ kind }) => kind === "Role" || kind === "ClusterRole").flatMap(rulesOf);
  const written = rows("Rights", "container").map((cells) => cells.slice(0, 4).join(" | "));
  expect(given.length).toBeGreaterThan(30);
  expect(written.toSorted()).toEqual(given.toSorted());
});

test("routers are tested with the rights that they have", () => {
  const of = (kind: string): readonly string[] =>
    rulesOf(theOne(EVERYTHING, kind, "dmthin-controller")).toSorted();
  const tested = (kind: string, rules: readonly Rule[]): readonly string[] =>
    rulesOf({ apiVersion: "", kind, metadata: { name: "dmthin-controller" }, rules }).toSorted();
  expect(of("ClusterRole")).toEqual(tested("ClusterRole", CLUSTER_RULES));
  expect(of("Role")).toEqual(tested("Role", NAMESPACE_RULES));
});

test("no right is for everything", () => {
  for (const role of EVERYTHING.filter(({ kind }) => kind === "Role" || kind === "ClusterRole"))
    expect(JSON.stringify(role["rules"])).not.toContain("*");
});

test("every role is bound to its own kind of account, once", () => {
  const bindings = EVERYTHING.filter(({ kind }) => kind.endsWith("RoleBinding"));
  const bound = bindings.map((binding) => {
    const { kind, name } = binding["roleRef"] as { readonly kind: string; readonly name: string };
    return `${kind} ${name}`;
  });
  const roles = EVERYTHING.filter(({ kind }) => kind === "Role" || kind === "ClusterRole");
  expect(bound.toSorted()).toEqual(roles.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted());
});

describe("the table of versions", () => {
  const written = rows("Versions", "part").map(([part = "", version = ""]) => [part, version] as const);
  const versionOf = (part: string): string | undefined =>
    written.find(([name]) => name.split(", ").includes(part))?.[1];

  test("names the images of the chart", () => {
    const images = (["DaemonSet", "Deployment"] as const)
      .flatMap((kind) => containersOf(workload(rendered("deploy/dmthin.yaml"), kind)))
      .map(({ image }) => /^registry\.k8s\.io\/sig-storage\/([a-z-]+):(v[0-9.]+)$/.exec(image))
      .filter((match) => match !== null);
    expect(images).toHaveLength(4);
    expect(images.map(([, name = ""]) => versionOf(name))).toEqual(images.map(([, , version]) => version));
  });

  test("names what the tests run", () => {
    const pinned = Object.fromEntries(
      documentText("test/tools/versions.env")
        .split("\n")
        .flatMap((line) => {
          const [, name, version] = /^([A-Z_]+)_VERSION=v?(.+)$/.exec(line) ?? [];
          return name === undefined ? [] : [[name, version]];
        }),
    ) as Readonly<Record<string, string>>;
    expect({
      kubernetes: versionOf("Kubernetes"),
      provisioner: versionOf("csi-provisioner"),
      snapshotter: versionOf("csi-snapshotter"),
      resizer: versionOf("csi-resizer"),
      helm: versionOf("helm"),
    }).toEqual({
      kubernetes: pinned["KUBERNETES"],
      provisioner: `v${pinned["EXTERNAL_PROVISIONER"]}`,
      snapshotter: `v${pinned["EXTERNAL_SNAPSHOTTER"]}`,
      resizer: `v${pinned["EXTERNAL_RESIZER"]}`,
      helm: pinned["HELM"],
    });
  });
});
