/** Asks the drivers of a cluster through kubectl, in the name of whoever typed the command. */
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { TOPOLOGY_KEY } from "../core/ids.ts";
import { driversOf, nodeNamesOf } from "./cluster-objects.ts";
import type { ClusterPlace } from "./cluster-words.ts";
import { oneLine } from "./table.ts";

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined where it never started, or was ended. */
  readonly exitCode: number | undefined;
}

export interface Kubectl {
  run(args: readonly string[], timeoutMs: number): Promise<Ran>;
  /** Its output goes to the terminal. Answers its exit code, if it has one. */
  show(args: readonly string[]): Promise<number | undefined>;
}

export type NodeAnswer<Value> =
  | { readonly node: string; readonly value: Value; readonly exitCode: number }
  | { readonly node: string; readonly problem: string };

/** In the order of names; undefined: no driver runs there now. */
export type Drivers = readonly (readonly [node: string, pod: string | undefined])[];

const GET_MS = 60_000;
/** A cluster has many nodes, and each answer is a process here. */
const AT_ONCE = 8;

/** The text of a list. EnvironmentError where kubectl does not give it. */
export async function getList(
  kubectl: Kubectl,
  place: ClusterPlace,
  args: readonly string[],
): Promise<string> {
  const { stdout, stderr, exitCode } = await kubectl.run(
    [...place.kubectl, "get", ...args, "-o", "json"],
    GET_MS,
  );
  if (exitCode === 0) return stdout;
  throw new EnvironmentError(`kubectl get ${args[0]}: ${oneLine(stderr) || "no answer"}`);
}

/** EnvironmentError where there are none, or kubectl does not say; `complaints`: what is not known of them. */
export async function findDrivers(
  kubectl: Kubectl,
  place: ClusterPlace,
): Promise<{ readonly drivers: Drivers; readonly complaints: readonly string[] }> {
  const label = "app.kubernetes.io/name=dmthin,app.kubernetes.io/component=node";
  const pods = await getList(kubectl, place, ["pods", "--namespace", place.namespace, "--selector", label]);
  const found = new Map(driversOf(pods));
  const complaints: string[] = [];
  try {
    // Those that belong here also while no pod is there.
    for (const node of nodeNamesOf(await getList(kubectl, place, ["nodes", "--selector", TOPOLOGY_KEY])))
      if (!found.has(node)) found.set(node, undefined);
  } catch (error) {
    complaints.push(`nodes without a driver's pod are not known: ${messageOf(error)}`);
  }
  if (found.size === 0)
    throw new EnvironmentError(
      `no driver of dmthin is in namespace ${place.namespace}; --namespace names another`,
    );
  const drivers = [...found].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { drivers, complaints };
}

/** `pod`: as `kubectl exec` takes it. */
const execIn = (
  place: ClusterPlace,
  pod: string,
  container: string,
  words: readonly string[],
): readonly string[] => [
  ...place.kubectl,
  "exec",
  "--namespace",
  place.namespace,
  pod,
  "--container",
  container,
  "--",
  "dmthin",
  ...words,
];

export const inDriver = (place: ClusterPlace, pod: string, words: readonly string[]): readonly string[] =>
  execIn(place, pod, "driver", words);

/** In any controller: all of them can. */
export const inController = (place: ClusterPlace, words: readonly string[]): readonly string[] =>
  execIn(place, "deployments/dmthin-controller", "router", words);

export interface Question<Value> {
  /** After `dmthin`. */
  readonly words: readonly string[];
  /** Exit codes with which it has answered. */
  readonly answers: readonly number[];
  /** May throw ParseError. */
  readonly read: (stdout: string) => Value;
  readonly timeoutMs: number;
}

/** Each node's answer, or why there is none. In the order of `drivers`. */
export async function askDrivers<Value>(
  kubectl: Kubectl,
  place: ClusterPlace,
  drivers: Drivers,
  question: Question<Value>,
): Promise<readonly NodeAnswer<Value>[]> {
  const answers: NodeAnswer<Value>[] = [];
  const waiting = drivers.entries();
  const work = async (): Promise<void> => {
    for (const [index, [node, pod]] of waiting) answers[index] = await ask(node, pod);
  };
  const ask = async (node: string, pod: string | undefined): Promise<NodeAnswer<Value>> => {
    if (pod === undefined) return { node, problem: "its driver does not run" };
    const ran = await kubectl.run(inDriver(place, pod, question.words), question.timeoutMs);
    const { exitCode, stdout, stderr } = ran;
    if (exitCode === undefined || !question.answers.includes(exitCode))
      return { node, problem: oneLine(stderr) || `exit code ${exitCode}` };
    try {
      return { node, value: question.read(stdout), exitCode };
    } catch (error) {
      if (error instanceof ParseError) return { node, problem: messageOf(error) };
      throw error;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}
