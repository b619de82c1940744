/** `kubectl dmthin`: the plugin. It needs no more than kubectl does, and nothing of a node. */
import { answerForCluster } from "./commands/cluster-command.ts";
import type { Kubectl } from "./commands/cluster-ask.ts";
import { parseClusterWords } from "./commands/cluster-words.ts";
import { paintFor } from "./commands/paint.ts";
import { say } from "./commands/say.ts";
import { EnvironmentError, messageOf } from "./core/errors.ts";
import { runAsTyped } from "./host/run-as-typed.ts";

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

/** A pool that moved is asked of the API server itself, and of no driver: the same command as `dmthin pool rehome`. */
async function rehome(words: readonly string[]): Promise<number> {
  const { parseRehome } = await import("./pool-moves-words.ts");
  const { runPoolRehome } = await import("./pool-rehome-command.ts");
  return runPoolRehome(parseRehome(words));
}

try {
  const words = process.argv.slice(2);
  if (words[0] === "pool" && words[1] === "rehome") {
    process.exitCode = await rehome(words.slice(2));
  } else {
    const command = parseClusterWords(words);
    process.exitCode = await say(() =>
      answerForCluster(command, kubectl, paintFor(process.stdout, process.env)),
    );
  }
} catch (error) {
  process.stderr.write(`dmthin: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
