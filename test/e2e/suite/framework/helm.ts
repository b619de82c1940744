/** helm on the driver's release, as a person calls it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { command, CommandError } from "./kubectl.ts";
import type { World } from "./world.ts";

const HELM_MS = 400_000;

/** In the release's namespace: what it printed. Throws CommandError where it fails. */
export async function helm(world: World, ...args: readonly string[]): Promise<string> {
  const { helm: program = "helm", namespace } = world.cluster.settings;
  world.note(`helm ${args.join(" ")}`);
  return world.phase("chart", async () => {
    const outcome = await command(program, [...args, `--namespace=${namespace}`], { timeoutMs: HELM_MS });
    if (outcome.code !== 0) throw new CommandError(`helm ${args.join(" ")}`, outcome);
    return outcome.stdout;
  });
}

/** As they were given for the release, as JSON. */
export const givenValues = (world: World): Promise<string> =>
  helm(world, "get", "values", world.cluster.settings.release, "--output=json");

/** With exactly these values, as JSON. */
export async function helmApply(world: World, verb: "install" | "upgrade", values: string): Promise<void> {
  const { release, chart = "" } = world.cluster.settings;
  const directory = mkdtempSync(join(tmpdir(), "dmthin-e2e-"));
  try {
    const file = join(directory, "values.json");
    writeFileSync(file, values);
    await helm(world, verb, release, chart, `--values=${file}`, "--wait", "--timeout=6m");
  } finally {
    rmSync(directory, { recursive: true });
  }
}
