/** `kubectl dmthin`, as people call it: found by kubectl on the PATH. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname } from "node:path";

import type { Outcome } from "./kubectl.ts";
import { expect, type World } from "./world.ts";

const TIMEOUT_MS = 300_000;

function environmentOf({ cluster }: World): Readonly<Record<string, string>> {
  const { plugin = "", kubectl: program } = cluster.settings;
  return { PATH: [dirname(plugin), process.env["PATH"] ?? ""].join(delimiter), KUBECTL: program };
}

const argumentsOf = ({ cluster }: World, words: readonly string[]): readonly string[] => [
  "dmthin",
  ...words,
  `--namespace=${cluster.settings.namespace}`,
];

/** Throws where its exit code is none of these. */
export async function dmthin(
  world: World,
  words: readonly string[],
  codes: ReadonlySet<number> = new Set([0]),
): Promise<Outcome> {
  world.note(`kubectl dmthin ${words.join(" ")}`);
  const outcome = await world.kubectl.try(argumentsOf(world, words), {
    environment: environmentOf(world),
    timeoutMs: TIMEOUT_MS,
  });
  const said = `${outcome.stdout}${outcome.stderr}`;
  expect(codes.has(outcome.code), `kubectl dmthin ${words.join(" ")}: exit code ${outcome.code}: ${said}`);
  return outcome;
}

/** What the plugin answers when all is well, and when somebody has to look after something that another scenario does. */
const ANSWERED: ReadonlySet<number> = new Set([0, 4]);

/** A question, or what is refused with a reason. */
export const askDmthin = (world: World, ...words: readonly string[]): Promise<Outcome> =>
  dmthin(world, words, ANSWERED);

/** Killed as soon as `moment` has come; throws where it had ended by itself. kubectl becomes the plugin, so it is that which is killed. */
export async function killedDmthin(
  world: World,
  words: readonly string[],
  moment: Promise<unknown>,
): Promise<void> {
  world.note(`kubectl dmthin ${words.join(" ")}, to be killed`);
  const child = spawn(world.kubectl.program, argumentsOf(world, words), {
    env: { ...process.env, ...environmentOf(world) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    await Promise.race([moment, ended]);
  } finally {
    child.kill("SIGKILL");
  }
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  expect(
    signal === "SIGKILL",
    `kubectl dmthin ${words.join(" ")} ended with ${code} before it could be killed`,
  );
}
