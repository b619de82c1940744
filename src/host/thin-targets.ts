/** Whether the running kernel can do thin provisioning; the first thing to know at start. */
import { EnvironmentError, messageOf } from "../core/errors.ts";
import { Dmsetup } from "./dmsetup.ts";
import type { Runner } from "./run.ts";

const TARGETS: readonly string[] = ["thin", "thin-pool"];
const MODULE = "dm_thin_pool";

/**
 * Loads the kernel module where needed, which in a container takes the node's /lib/modules. Throws EnvironmentError saying what is
 * missing and how to load it.
 */
export async function ensureThinTargets(runner: Runner): Promise<void> {
  const before = await look(runner);
  if (before === "there") return;
  const failure = await loadModule(runner);
  const after = await look(runner);
  if (after === "there") return;
  if (after !== "missing") throw after;
  throw new EnvironmentError(
    `the kernel lacks the device-mapper targets ${TARGETS.join(" and ")} and ${failure ?? "its module brings none"}; ` +
      `run "modprobe ${MODULE}" on the node, and name ${MODULE} in /etc/modules-load.d/dmthin.conf to keep it after a reboot; ` +
      `or let the container have the node's /lib/modules, read-only`,
  );
}

/** An error where device-mapper does not answer, as it does while no module of it is loaded. */
async function look(runner: Runner): Promise<"there" | "missing" | EnvironmentError> {
  try {
    const targets = await new Dmsetup(runner).targets();
    return TARGETS.every((target) => targets.has(target)) ? "there" : "missing";
  } catch (error) {
    return new EnvironmentError(
      `device-mapper does not answer: ${messageOf(error)}; dmthin needs root, the kernel module dm_mod and /dev/mapper/control`,
      { cause: error },
    );
  }
}

/** Undefined when loaded, else what went wrong. */
async function loadModule(runner: Runner): Promise<string | undefined> {
  try {
    await runner.run("modprobe", [MODULE]);
    return undefined;
  } catch (error) {
    return `module ${MODULE} cannot be loaded from here (${messageOf(error)})`;
  }
}
