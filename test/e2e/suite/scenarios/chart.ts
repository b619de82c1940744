/** The chart is upgraded, taken away and brought back. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expectContent, writeContent } from "../framework/content.ts";
import { controllerPods, nodePodOn, untilDriverGone, untilDriverReady } from "../framework/driver.ts";
import { command, CommandError } from "../framework/kubectl.ts";
import { applyClaim, endPods, startPod, startWithClaim } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { expectRecords, startWriter, untilWritesGoOn } from "../framework/writer.ts";
import { expect, type World } from "../framework/world.ts";

const LONGEST_GAP_S = 30;
const HELM_MS = 400_000;

/** helm on the driver's release, in its namespace. */
async function helm(world: World, ...args: readonly string[]): Promise<string> {
  const { helm: program = "helm", namespace } = world.cluster.settings;
  world.note(`helm ${args.join(" ")}`);
  return world.phase("chart", async () => {
    const outcome = await command(program, [...args, `--namespace=${namespace}`], { timeoutMs: HELM_MS });
    if (outcome.code !== 0) throw new CommandError(`helm ${args.join(" ")}`, outcome);
    return outcome.stdout;
  });
}

const upgrade: Scenario = {
  id: "chart-upgrade-under-load",
  title:
    "helm upgrade replaces all pods of the driver while pods write: no write fails; rolled back likewise",
  needs: ["helm"],
  alone: true,
  deadlineMs: 1_500_000,
  async run(world) {
    const { release, chart = "" } = world.cluster.settings;
    const writers: string[] = [];
    for (const [index, { name: node }] of world.cluster.nodes.entries()) {
      const name = `log-${index}`;
      await applyClaim(world, { name, class: world.classes.ext4, size: "128Mi" });
      await startWriter(world, { name, claim: name, node });
      writers.push(name);
    }
    const uids = async (): Promise<ReadonlySet<string>> => {
      const nodes = await Promise.all(world.cluster.nodes.map(({ name }) => nodePodOn(world, name)));
      return new Set([...nodes, ...(await controllerPods(world))].map(({ metadata }) => metadata?.uid ?? ""));
    };
    const before = await uids();
    let isRolledBack = false;
    const rollBack = async (): Promise<void> => {
      await helm(world, "rollback", release, "--wait", "--timeout=6m");
      isRolledBack = true;
    };
    world.atEnd(async () => {
      if (!isRolledBack) await rollBack();
    });
    await helm(
      world,
      "upgrade",
      release,
      chart,
      "--reuse-values",
      "--set=logLevel=debug",
      "--wait",
      "--timeout=6m",
    );
    await untilDriverReady(world);
    const after = await uids();
    expect(
      [...after].every((uid) => !before.has(uid)),
      "the upgrade has left a pod of the driver as it was",
    );
    await rollBack();
    await untilDriverReady(world);
    for (const name of writers) {
      const { last, longestGapS } = await untilWritesGoOn(world, name);
      expect(longestGapS <= LONGEST_GAP_S, `the writer of ${name} stood still for ${longestGapS} s`);
      await endPods(world, name);
      await startPod(world, { name: `${name}-after`, claim: name });
      await expectRecords(world, `${name}-after`, last);
    }
  },
};

const uninstall: Scenario = {
  id: "uninstall-and-reinstall",
  title:
    "helm uninstall leaves volumes and their data, also one that is written to; helm install finds them again",
  needs: ["helm"],
  alone: true,
  deadlineMs: 1_500_000,
  async run(world) {
    const { release, chart = "" } = world.cluster.settings;
    await startWithClaim(world, { name: "rests", class: world.classes.xfs, size: "320Mi" });
    const content = await writeContent(world, "rests");
    await endPods(world, "rests");
    await applyClaim(world, { name: "log", class: world.classes.ext4, size: "128Mi" });
    await startWriter(world, { name: "log", claim: "log" });
    const directory = mkdtempSync(join(tmpdir(), "dmthin-e2e-"));
    const values = join(directory, "values.json");
    writeFileSync(values, await helm(world, "get", "values", release, "--output=json"));
    let isInstalled = true;
    const install = async (): Promise<void> => {
      if (!isInstalled)
        await helm(world, "install", release, chart, `--values=${values}`, "--wait", "--timeout=6m");
      isInstalled = true;
    };
    world.atEnd(async () => {
      await install();
      rmSync(directory, { recursive: true });
    });
    isInstalled = false;
    await helm(world, "uninstall", release, "--wait", "--timeout=5m");
    await untilDriverGone(world);
    await untilWritesGoOn(world, "log");
    await install();
    await untilDriverReady(world);
    await startPod(world, { name: "again", claim: "rests" });
    await expectContent(world, "again", content);
    const { last } = await untilWritesGoOn(world, "log");
    await endPods(world, "log");
    await startPod(world, { name: "log-again", claim: "log" });
    await expectRecords(world, "log-again", last);
    await startWithClaim(world, { name: "new", class: world.classes.ext4, size: "128Mi" });
  },
};

const helmTest: Scenario = {
  id: "helm-test",
  title: "helm test of the release passes",
  needs: ["helm"],
  async run(world) {
    await helm(world, "test", world.cluster.settings.release, "--timeout=4m");
  },
};

export const CHART: readonly Scenario[] = [helmTest, upgrade, uninstall];
