/** `kubectl dmthin`: the plugin. It needs no more than kubectl does, and nothing of a node. */
import { answerForCluster } from "./commands/cluster-command.ts";
import type { Kubectl } from "./commands/cluster-ask.ts";
import { parseClusterWords } from "./commands/cluster-words.ts";
import { paintFor } from "./commands/paint.ts";
import { say } from "./commands/say.ts";
import { EnvironmentError, messageOf } from "./core/errors.ts";
import { runAsTyped } from "./host/run-as-typed.ts";
import { parseRehome } from "./pool-moves-words.ts";
import type { PoolRehomeCommand } from "./pool-rehome-command.ts";

const program = process.env["KUBECTL"] || "kubectl";

const kubectl: Kubectl = {
  run: async (args, timeoutMs) => found(await runAsTyped(program, args, { timeoutMs })),
  show: async (args) => found(await runAsTyped(program, args, { shown: true })).exitCode,
};

function found<Ended extends { readonly spawnErrno?: string }>(ended: Ended): Ended {
  if (ended.spawnErrno === "ENOENT")
    throw new EnvironmentError(`there is no ${program}; put kubectl on the PATH, or name it in KUBECTL`);
  return ended;
}

/** The client of the API server is loaded for it alone. */
async function rehome(command: PoolRehomeCommand): Promise<number> {
  const { runPoolRehome } = await import("./pool-rehome-command.ts");
  return runPoolRehome(command);
}

try {
  const command = parseClusterWords(process.argv.slice(2));
  process.exitCode =
    command.kind === "rehome"
      ? await rehome(parseRehome(command.args))
      : await say(() => answerForCluster(command, kubectl, paintFor(process.stdout, process.env)));
} catch (error) {
  process.stderr.write(`dmthin: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
