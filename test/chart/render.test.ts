/** The chart as helm takes it. What is rendered is judged in test/unit/deploy, and by a real API server in test/api. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../support/markdown.ts";

const CHART = "charts/dmthin";
const VALUES = ["deploy/values.yaml", "test/chart/values/everything.yaml", "test/chart/values/least.yaml"];
const POOL = "pools[0].name=a,pools[0].backing=parts,pools[0].metadata=/dev/a,pools[0].data=/dev/b";

let helm = "";
beforeAll(() => {
  helm = process.env["HELM"] ?? "";
  if (helm === "") throw new Error("HELM is not set: run `make chart`");
});

const run = (program: string, ...args: readonly string[]) =>
  spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
const render = (...args: readonly string[]) => run(helm, "template", "dmthin", CHART, ...args);

test.each(VALUES)("helm finds nothing to say of the chart with %s", (values) => {
  const { status, stdout, stderr } = run(helm, "lint", "--strict", "--quiet", CHART, "--values", values);
  expect([status, stdout.trim(), stderr.trim()]).toEqual([0, "", ""]);
});

test("what is rendered is up to date", () => {
  const { status, stderr } = run(process.execPath, join("charts", "generate.ts"), "--check", "--helm", helm);
  expect([status, stderr]).toEqual([0, ""]);
});

describe("values that are none", () => {
  test.each([
    ["no pool", "logLevel=info", /\/pools.*minItems/],
    ["a key that there is not", `${POOL},loglevel=info`, /additional properties 'loglevel' not allowed/],
    ["another kind of pool", "pools[0].name=a,pools[0].backing=zfs", /\/pools\/0\/backing/],
    ["a pool without a name", "pools[0].backing=loop", /\/pools\/0.*missing property 'name'/],
    ["a node called as the file for all", `${POOL},nodes.config.defaultPool=a`, /propertyName .config./],
    [
      "a default that a node with pools of its own has not",
      `${POOL},defaultPool=a,nodes.b.pools[0].name=own,nodes.b.pools[0].backing=loop`,
      /nodes\.b: defaultPool a is not among its pools/,
    ],
    [
      "a key of a node that there is not",
      `${POOL},nodes.a.logLevel=info`,
      /additional properties 'logLevel'/,
    ],
    [
      "a filesystem that there is not",
      `${POOL},storageClasses[0].name=a,storageClasses[0].fsType=zfs`,
      /fsType/,
    ],
    [
      "a parameter that there is not",
      `${POOL},storageClasses[0].name=a,storageClasses[0].parameters.size=1`,
      /size/,
    ],
    ["controllers as root", `${POOL},controller.runAsUser=0`, /runAsUser/],
    ["a port that there is not", `${POOL},networkPolicy.dnsPorts[0]=65536`, /\/networkPolicy\/dnsPorts\/0/],
    ["less time than the driver needs", `${POOL},node.terminationGracePeriodSeconds=10`, /terminationGrace/],
  ])("%s: refused", (_what, set, reason) => {
    const { status, stderr } = render("--set", set);
    expect(stderr).toMatch(reason);
    expect(status).not.toBe(0);
  });

  test("no port of a DNS: refused", () => {
    const { status, stderr } = render("--set", POOL, "--set-json", "networkPolicy.dnsPorts=[]");
    expect(stderr).toMatch(/\/networkPolicy\/dnsPorts.*minItems/);
    expect(status).not.toBe(0);
  });
});

test("the test of a release is a claim and a pod, made only when it is asked for", () => {
  const { stdout } = render("--set", POOL, "--show-only", "templates/tests/write-and-read.yaml");
  expect(stdout.match(/^kind: .*/gm)).toEqual(["kind: PersistentVolumeClaim", "kind: Pod"]);
  expect(stdout.match(/helm\.sh\/hook: test/g)).toHaveLength(2);
});
