import { expect, describe, test } from "vitest";
import { parseCommandLine } from "../../src/command-line.ts";

const words = (text: string): readonly string[] => text.split(" ").filter((word) => word !== "");

const report = (view: object, changes: object = {}): object => ({
  kind: "report",
  measure: false,
  view,
  json: false,
  configuration: "/etc/dmthin/config.yaml",
  ...changes,
});

const VOLUME = `v-${"a".repeat(32)}-${"0".repeat(20)}`;

describe("a command line", () => {
  test.each([
    ["all", { kind: "serve", role: "all", configuration: "/etc/dmthin/config.yaml" }],
    ["all --config /c.yaml", { kind: "serve", role: "all", configuration: "/c.yaml" }],
    ["node --config=/c.yaml", { kind: "serve", role: "node", configuration: "/c.yaml" }],
    ["controller", { kind: "controller", configuration: "/etc/dmthin/config.yaml" }],
    ["guard --socket /g", { kind: "guard", socket: "/g", stateDirectory: "/run/dmthin", endsAlone: false }],
    [
      "guard --socket /g --state-directory /s --ends-alone",
      { kind: "guard", socket: "/g", stateDirectory: "/s", endsAlone: true },
    ],
    ["check-config", { kind: "check-config", configuration: "/etc/dmthin/config.yaml", of: "node" }],
    ["doctor", { kind: "doctor", configuration: "/etc/dmthin/config.yaml", root: "/", json: false }],
    [
      "doctor --config c.yaml --root /host -o json",
      { kind: "doctor", configuration: "c.yaml", root: "/host", json: true },
    ],
    ["check-config c.yaml", { kind: "check-config", configuration: "c.yaml", of: "node" }],
    ["check-config --controller c.yaml", { kind: "check-config", configuration: "c.yaml", of: "controller" }],
    ["pool adopt", { kind: "pool-adopt", json: false }],
    [
      "pool rehome 0123456789abcdef0123456789abcdef --to node-b",
      {
        kind: "pool-rehome",
        pool: "0123456789abcdef0123456789abcdef",
        node: "node-b",
        namespace: "dmthin-system",
        apply: false,
        json: false,
      },
    ],
    [
      "pool rehome 0123456789abcdef0123456789abcdef --to node-b --apply -n storage --kubeconfig /k -o json",
      {
        kind: "pool-rehome",
        pool: "0123456789abcdef0123456789abcdef",
        node: "node-b",
        namespace: "storage",
        apply: true,
        json: true,
        kubeconfig: "/k",
      },
    ],
    [
      "pool adopt 0123456789abcdef0123456789abcdef --as slow --config /c.yaml -o json",
      {
        kind: "pool-adopt",
        pool: "0123456789abcdef0123456789abcdef",
        as: "slow",
        configuration: "/c.yaml",
        json: true,
      },
    ],
    [
      "pool plan fast",
      { kind: "pool-plan", pool: "fast", configuration: "/etc/dmthin/config.yaml", json: false },
    ],
    [
      "pool plan fast --config /c.yaml -o json",
      { kind: "pool-plan", pool: "fast", configuration: "/c.yaml", json: true },
    ],
    ["pool check fast", { kind: "pool-check", pool: "fast", configuration: "/etc/dmthin/config.yaml" }],
    [
      "pool repair fast --config /c.yaml --work-directory /w --accept-loss",
      {
        kind: "pool-repair",
        pool: "fast",
        configuration: "/c.yaml",
        accepted: { loss: true, older: false, overwriteSpare: false },
        workDirectory: "/w",
      },
    ],
    [
      "pool repair --accept-older --overwrite-spare fast",
      {
        kind: "pool-repair",
        pool: "fast",
        configuration: "/etc/dmthin/config.yaml",
        accepted: { loss: false, older: true, overwriteSpare: true },
        workDirectory: "/var/tmp",
      },
    ],
    ["status", report({ kind: "status" })],
    ["status -o json --config /c.yaml", report({ kind: "status" }, { json: true, configuration: "/c.yaml" })],
    ["pool list --output=table", report({ kind: "pool-list" })],
    ["pool show fast -o json", report({ kind: "pool-show", wanted: "fast" }, { json: true })],
    ["volume list --state-directory /s", report({ kind: "volume-list" }, { stateDirectory: "/s" })],
    ["orphans", { kind: "orphans", json: false, configuration: "/etc/dmthin/config.yaml" }],
    [
      "orphans --cluster --config /c.yaml",
      { kind: "orphans", cluster: true, json: false, configuration: "/c.yaml" },
    ],
    [
      "orphans --cluster --clean --config /c.yaml",
      {
        kind: "orphans",
        cluster: true,
        clean: { ids: [], apply: false },
        json: false,
        configuration: "/c.yaml",
      },
    ],
    [
      `orphans --cluster --clean ${VOLUME} --apply --config /c.yaml`,
      {
        kind: "orphans",
        cluster: true,
        clean: { ids: [VOLUME], apply: true },
        json: false,
        configuration: "/c.yaml",
      },
    ],
    [
      "orphans -o json --config /c.yaml --state-directory /s",
      { kind: "orphans", json: true, configuration: "/c.yaml", stateDirectory: "/s" },
    ],
    ["watch", { kind: "watch", everySeconds: 2, configuration: "/etc/dmthin/config.yaml" }],
    [
      "watch --every 10 --state-directory /s",
      { kind: "watch", everySeconds: 10, configuration: "/etc/dmthin/config.yaml", stateDirectory: "/s" },
    ],
    ["volume list --measure", report({ kind: "volume-list" }, { measure: true })],
    ["volume show v-1", report({ kind: "volume-show", wanted: "v-1" })],
    ["snapshot list", report({ kind: "snapshot-list" })],
    ["snapshot show -o json s-1", report({ kind: "snapshot-show", wanted: "s-1" }, { json: true })],
    ["--version", { kind: "version" }],
    ["--help", { kind: "help" }],
  ])("`dmthin %s` is understood", (text, command) => {
    expect(parseCommandLine(words(text))).toEqual(command);
  });

  test.each([
    ["", /^command: is missing/],
    ["serve", /^command: "serve" is unknown/],
    ["all --force", /^all: Unknown option/],
    ["all extra", /^all: Unexpected argument/],
    ["all --config", /^all: .*argument missing/],
    ["guard", /^guard --socket: is missing/],
    ["doctor --root host", /^doctor --root: must be an absolute path/],
    ["orphans v-1", /^orphans: takes ids and --apply with --clean only/],
    ["orphans --cluster --apply", /^orphans: takes ids and --apply with --clean only/],
    [`orphans --clean ${VOLUME}`, /^orphans --clean: is for orphans of a cluster, with --cluster/],
    ["orphans --cluster --clean --apply", /^orphans --clean --apply: needs the ids/],
    ["orphans --cluster --clean pvc-1", /^orphans --clean: takes ids of volumes and snapshots, .* "pvc-1"/],
    [
      `orphans --cluster --clean ${Array.from({ length: 11 }, () => VOLUME).join(" ")}`,
      /^orphans --clean: takes at most 10 ids/,
    ],
    ["watch --every soon", /^watch --every: must be a whole number of seconds/],
    ["watch --every 0", /^watch --every: must be a whole number of seconds/],
    ["doctor -o xml", /^doctor --output: must be json or text/],
    ["check-config a b", /^check-config: has too many words/],
    ["pool", /^command pool: takes list, show, plan, grow, adopt, rehome, check or repair/],
    ["pool mend fast", /^command pool: takes list, show, plan, grow, adopt, rehome, check or repair/],
    ["pool rehome fast --to node-b", /^pool rehome: takes the uuid of a pool, 32 hex digits/],
    ["pool rehome 0123456789abcdef0123456789abcdef", /^pool rehome --to: names the node/],
    ["pool adopt fast", /^pool adopt: takes the uuid of a pool, 32 hex digits/],
    ["pool adopt --as slow", /^pool adopt --as: needs the uuid/],
    ["pool adopt 0123456789abcdef0123456789abcdef --as Slow", /^pool adopt --as: must be 1 to 32 characters/],
    ["pool adopt -o yaml", /^pool adopt --output: must be json or text/],
    ["pool grow", /^pool grow: the pool's name is missing/],
    ["pool grow fast --force", /^pool grow: Unknown option '--force'/],
    ["pool grow fast -o yaml", /^pool grow --output: must be json or text/],
    ["pool plan", /^pool plan: the pool's name is missing/],
    ["pool plan fast -o yaml", /^pool plan --output: must be json or text/],
    ["pool check", /^pool check: the pool's name is missing/],
    ["pool repair", /^pool repair: the pool's name is missing/],
    ["pool check fast --accept-loss", /^pool check: Unknown option/],
    ["pool check fast slow", /^pool check: has too many words/],
    ["controller --role x", /^controller: Unknown option/],
    ["status fast", /^status: Unexpected argument/],
    ["status -o yaml", /^status --output: must be json or text/],
    ["volume", /^command volume: takes list or show/],
    ["snapshot delete s-1", /^command snapshot: takes list or show/],
    ["volume show", /^volume show: what to show is missing/],
    ["pool show", /^pool show: what to show is missing/],
    ["volume list v-1", /^volume list: Unexpected argument/],
  ])("`dmthin %s` is refused, with the word", (text, message) => {
    expect(() => parseCommandLine(words(text))).toThrow(message);
  });
});
