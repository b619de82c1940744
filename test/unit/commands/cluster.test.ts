/** `kubectl dmthin`, with what kubectl 1.36.3 said of a cluster of two nodes. */
import { describe, expect, test } from "vitest";
import { answerForCluster } from "../../../src/commands/cluster-command.ts";
import type { Kubectl, Ran } from "../../../src/commands/cluster-ask.ts";
import { driversOf, ownersOf, usersOf } from "../../../src/commands/cluster-objects.ts";
import { parseClusterWords } from "../../../src/commands/cluster-words.ts";
import { plain } from "../../../src/commands/paint.ts";
import { InvalidRequestError } from "../../../src/core/errors.ts";
import { documentText } from "../../support/markdown.ts";

const captured = (name: string): string => documentText(`test/fixtures/kubectl-1.36.3/${name}`);
const said = (name: string): Ran => ({ stdout: captured(name), stderr: "", exitCode: 0 });
const failed = (name: string, exitCode = 1): Ran => ({ stdout: "", stderr: captured(name), exitCode });
const FORBIDDEN: Ran = {
  stdout: "",
  stderr: "Error from server (Forbidden): pods is forbidden\n",
  exitCode: 1,
};

const DRIVERS = driversOf(captured("drivers.json"));
const [POD_1 = "", POD_2 = ""] = ["worker-1", "worker-2"].map((node) => DRIVERS.get(node) ?? "");

/** What is asked, without the flags → what is said. */
const SAID: Readonly<Record<string, Ran>> = {
  "get pods --namespace dmthin-system": said("drivers.json"),
  "get nodes": said("nodes.json"),
  "get persistentvolumes": said("persistentvolumes.json"),
  "get pods --all-namespaces": said("pods.json"),
  "get volumesnapshotcontents": said("volumesnapshotcontents.json"),
  [`${POD_1} status`]: said("status-worker-1.json"),
  [`${POD_2} status`]: said("status-worker-2.json"),
  [`${POD_1} orphans`]: said("orphans-worker-1.json"),
  [`${POD_2} orphans`]: said("orphans-worker-2.json"),
};

function keyOf(args: readonly string[]): string {
  const at = args.indexOf("dmthin");
  if (at !== -1) return `${args[args.indexOf("--namespace") + 2]} ${args[at + 1]}`;
  const [get = "", what = "", ...rest] = args.slice(args.indexOf("get"));
  const place = what === "pods" ? rest.slice(0, rest[0] === "--namespace" ? 2 : 1) : [];
  return [get, what, ...place].join(" ");
}

/** Runs the words with what is said, but for `changes`. */
async function run(words: string, changes: Readonly<Record<string, Ran>> = {}) {
  const asked: (readonly string[])[] = [];
  const kubectl: Kubectl = {
    run: async (args) => {
      asked.push(args);
      const answer = { ...SAID, ...changes }[keyOf(args)];
      if (answer === undefined) throw new Error(`nobody said what ${args.join(" ")} answers`);
      return answer;
    },
    show: async (args) => {
      asked.push(args);
      return 3;
    },
  };
  const command = parseClusterWords(words.split(" "));
  if (command.kind === "rehome") throw new Error("it asks no driver");
  const answer = await answerForCluster(command, kubectl, plain);
  return { ...answer, asked };
}

const lines = (text: string): readonly string[] => text.trimEnd().split("\n");
/** Columns as one blank. */
const tidy = (text: string): readonly string[] => lines(text).map((line) => line.replaceAll(/ {2,}/g, " | "));

describe("a list of all nodes", () => {
  test("of pools has each with its node", async () => {
    const { output, exitCode, complaint } = await run("pools");
    expect(tidy(output)).toEqual([
      "NODE | POOL | STATE | DATA | METADATA | PROMISED | AVAILABLE | VOLUMES | SNAPSHOTS",
      "worker-1 | fast | ready | 0 % of 23.7 GiB | 10 % of 64 MiB | 701.1 MiB | 22.5 GiB | 3 | 2",
      "worker-1 | small | ready | 0 % of 1.7 GiB | 10 % of 64 MiB | 0 B | 1.6 GiB | 0 | 0",
      "worker-2 | fast | ready | 0 % of 23.7 GiB | 10 % of 64 MiB | 0 B | 23.2 GiB | 0 | 0",
      "worker-2 | small | ready | 0 % of 1.7 GiB | 10 % of 64 MiB | 0 B | 1.6 GiB | 0 | 0",
    ]);
    expect([exitCode, complaint]).toEqual([0, undefined]);
  });

  test("of volumes has claims, and the pods that use them", async () => {
    const { output, exitCode } = await run("volumes");
    expect(tidy(output).map((line) => line.split(" | ").slice(0, 4).join(" "))).toEqual([
      "CLAIM PODS NODE POOL",
      "default/a a worker-1 fast",
      "default/c b worker-1 fast",
      "default/r b worker-1 fast",
    ]);
    expect(exitCode).toBe(0);
  });

  test("of snapshots has VolumeSnapshots, and whose they are", async () => {
    const { output } = await run("snapshots");
    const rows = tidy(output).map((line) => line.split(" | ").slice(0, 3));
    expect(rows[0]).toEqual(["SNAPSHOT", "OF CLAIM", "NODE"]);
    expect(rows.slice(1)).toContainEqual(["default/s", "default/a", "worker-1"]);
  });

  test("is JSON for programs, with sizes as text", async () => {
    const { volumes, away } = JSON.parse((await run("volumes -o json")).output) as {
      readonly volumes: readonly object[];
      readonly away: readonly object[];
    };
    expect(volumes[0]).toMatchObject({
      node: "worker-1",
      claim: { namespace: "default", name: "a" },
      pods: ["a"],
      size: "209715200",
    });
    expect(away).toEqual([]);
  });

  test("may be of one node alone", async () => {
    const { output, asked } = await run("pools --node worker-2");
    expect(output).not.toContain("worker-1");
    expect(asked.flat()).not.toContain(POD_1);
  });
});

describe("a node that is away", () => {
  test("is named, the others are shown, and the exit code says so", async () => {
    const { output, exitCode, complaint } = await run("pools", {
      [`${POD_2} status`]: failed("no-route.txt"),
    });
    expect(output).toContain("worker-1");
    expect(output).not.toContain("worker-2");
    expect(complaint).toMatch(
      /^worker-2 does not answer: error: unable to upgrade connection.*no route to host$/,
    );
    expect(exitCode).toBe(2);
  });

  test("is in the JSON, too", async () => {
    const { output } = await run("snapshots -o json", { [`${POD_2} status`]: failed("no-route.txt") });
    expect(JSON.parse(output)).toMatchObject({ away: [{ node: "worker-2" }] });
  });

  test("is known by its Node also where it has no pod", async () => {
    const one = JSON.parse(captured("drivers.json")) as {
      readonly items: readonly { spec: { nodeName: string } }[];
    };
    const items = one.items.filter(({ spec }) => spec.nodeName !== "worker-2");
    const { complaint, exitCode } = await run("volumes", {
      "get pods --namespace dmthin-system": { ...said("drivers.json"), stdout: JSON.stringify({ items }) },
    });
    expect(complaint).toBe("worker-2 does not answer: its driver does not run");
    expect(exitCode).toBe(2);
  });

  test("whose driver was killed while it was asked is no empty node", async () => {
    const cut: Ran = { stdout: captured("status-worker-2.json").slice(0, 100), stderr: "", exitCode: 0 };
    const { complaint, exitCode } = await run("pools", { [`${POD_2} status`]: cut });
    expect(complaint).toMatch(/^worker-2 does not answer/);
    expect(exitCode).toBe(2);
  });
});

describe("what a node says of itself", () => {
  test("is the exit code: a pool needs a person", async () => {
    const status = JSON.parse(captured("status-worker-2.json")) as {
      pools: readonly { name: string; backing: object }[];
    };
    const [first, ...rest] = status.pools;
    if (first === undefined) throw new Error("no pool");
    const { name, backing } = first;
    const absent = { kind: "absent", name, backing, conditions: [], reason: "its disk is gone" };
    const stdout = JSON.stringify({ ...status, pools: [absent, ...rest] });
    const { output, complaint, exitCode } = await run("volumes", {
      [`${POD_2} status`]: { stdout, stderr: "command terminated with exit code 4\n", exitCode: 4 },
    });
    expect(output).toContain("default/a");
    expect(complaint).toBe("worker-2: pool fast is not open: its disk is gone");
    expect(exitCode).toBe(4);
  });

  test("of orphans: nothing, or what cannot be judged", async () => {
    expect(await run("orphans")).toMatchObject({ exitCode: 0 });
    const unjudged = { orphans: [], unjudged: [{ kind: "pool", name: "fast", why: "it is not open" }] };
    const answer = await run("orphans", {
      [`${POD_1} orphans`]: { stdout: JSON.stringify(unjudged), stderr: "", exitCode: 2 },
    });
    expect(answer).toMatchObject({
      exitCode: 2,
      complaint: "worker-1: not judged: pool fast: it is not open",
    });
  });
});

describe("what Kubernetes does not tell", () => {
  test("is a question mark, not an unused volume", async () => {
    const { output, complaint, exitCode } = await run("volumes", { "get pods --all-namespaces": FORBIDDEN });
    expect(tidy(output)[1]?.split(" | ").slice(0, 2)).toEqual(["default/a", "?"]);
    expect(complaint).toMatch(/kubectl get pods: Error from server \(Forbidden\)/);
    expect(exitCode).toBe(0);
  });

  test("of drivers ends it", async () => {
    await expect(run("pools", { "get pods --namespace dmthin-system": FORBIDDEN })).rejects.toThrow(
      /Forbidden/,
    );
  });

  test("of other drivers' volumes is not asked for", () => {
    const list = captured("persistentvolumes.json").replaceAll("csi.dmthin.io", "csi.example.org");
    expect(ownersOf(list).size).toBe(0);
  });
});

test("pods that have ended use nothing", () => {
  expect(usersOf(captured("pods.json")).get("default/a")).toEqual(["a"]);
  expect(usersOf(captured("pods.json").replaceAll('"phase": "Running"', '"phase": "Succeeded"')).size).toBe(
    0,
  );
});

describe("a command for one node", () => {
  test("is passed on to its driver as it stands, with its exit code", async () => {
    const { exitCode, asked } = await run("--context=mine pool grow fast --dry-run --node worker-2");
    expect(exitCode).toBe(3);
    expect(asked.at(-1)?.join(" ")).toBe(
      `--context=mine exec --namespace dmthin-system ${POD_2} --container driver -- dmthin pool grow fast --dry-run`,
    );
  });

  test("needs the node where there are several", async () => {
    const { exitCode, complaint } = await run("pool show fast");
    expect(complaint).toMatch(/--node says on which: worker-1, worker-2/);
    expect(exitCode).toBe(1);
    expect(await run("pool show fast --node worker-3")).toMatchObject({ exitCode: 3 });
  });
});

test("what is to be cleaned is asked of a controller, as it stands, with its exit code", async () => {
  const { exitCode, asked } = await run("--context=mine orphans --clean v-1 --apply -o json");
  expect(exitCode).toBe(3);
  expect(asked.map((args) => args.join(" "))).toEqual([
    "--context=mine exec --namespace dmthin-system deployments/dmthin-controller --container router -- dmthin orphans --cluster --clean v-1 --apply -o json",
  ]);
});

describe("the words", () => {
  test("take kubectl's flags anywhere, and hand on nothing else", () => {
    expect(
      parseClusterWords(["volumes", "--kubeconfig", "/k", "--measure", "-ojson", "--as=me", "-n", "other"]),
    ).toEqual({
      kind: "view",
      view: "volumes",
      json: true,
      measure: true,
      namespace: "other",
      kubectl: ["--kubeconfig=/k", "--as=me"],
    });
  });

  test("of pool rehome are its own, with the place", () => {
    const flags = ["--kubeconfig=/k", "--context=c"];
    expect(parseClusterWords(["pool", "rehome", "u", "--to", "b", ...flags, "-n", "other"])).toEqual({
      kind: "rehome",
      args: ["u", "--to", "b", "--namespace=other", ...flags],
    });
  });

  test.each([
    ["rehome as somebody else, which it does not know", ["pool", "rehome", "u", "--as=c"]],
    ["cleaning of --node", ["orphans", "--clean", "--node", "b"]],
    ["ids without --clean", ["orphans", "v-1"]],
    ["rehome of --node", ["pool", "rehome", "u", "--node", "b"]],
    ["an unknown command", ["volume"]],
    ["an unknown flag", ["pools", "--token=x"]],
    ["a measurement of pools", ["pools", "--measure"]],
    ["another output", ["pools", "-o", "yaml"]],
    ["a flag without its value", ["pools", "--context"]],
    ["a node that is none", ["pools", "--node", "--all"]],
    ["pool without more", ["pool"]],
  ])("refuse %s", (_what, words) => {
    expect(() => parseClusterWords(words)).toThrow(InvalidRequestError);
  });
});
