/** The words after `kubectl dmthin`, as a value. Pure. */
import { InvalidRequestError } from "../core/errors.ts";

export const CLUSTER_VIEWS = ["status", "pools", "volumes", "snapshots", "orphans", "doctor"] as const;
export type ClusterView = (typeof CLUSTER_VIEWS)[number];

export interface ClusterPlace {
  /** Flags of kubectl, as they were given. */
  readonly kubectl: readonly string[];
  readonly namespace: string;
  /** Only this node. */
  readonly node?: string;
}

export type ClusterCommand =
  | (ClusterPlace & {
      readonly kind: "view";
      readonly view: ClusterView;
      readonly json: boolean;
      readonly measure: boolean;
    })
  /** `dmthin orphans --cluster --clean` in a controller. What stands behind these words. */
  | (ClusterPlace & { readonly kind: "clean"; readonly args: readonly string[] })
  /** A command of `dmthin` on one node. */
  | (ClusterPlace & { readonly kind: "pool"; readonly args: readonly string[] })
  /** `dmthin pool rehome` here: it asks the API server, and no node. What stands behind these words. */
  | { readonly kind: "rehome"; readonly args: readonly string[] }
  | { readonly kind: "help" };

export const CLUSTER_USAGE = `usage: kubectl dmthin COMMAND

  status                 each node: its driver, its pools, and what is wrong with them
  pools                  the pools of all nodes
  volumes [--measure]    all volumes, with their claim and the pods that use it
  snapshots [--measure]  all snapshots, with their VolumeSnapshot; --measure: also what belongs to each alone, which deleting
                         it gives back
  orphans                what of dmthin's lies on nodes and belongs to no record; changes nothing
  orphans --clean [ID… [--apply]]
                         which volumes and snapshots that nothing in the cluster has can be deleted, and why others cannot; --apply
                         deletes those that are named
  doctor                 looks at each node as its driver sees it
  pool WORDS… --node NODE
                         \`dmthin pool WORDS…\` in the driver of that node: show, plan, grow, adopt, check, repair
  pool rehome UUID --to NODE [--apply]
                         the disks of that pool are in this node now: what its PersistentVolumes need; --apply does it

  --node NODE            that node alone
  -n, --namespace NAME   of dmthin; dmthin-system unless given
  -o json                for programs
  --kubeconfig, --context, --cluster, --user, --as, --as-group, --server, --request-timeout
                         as kubectl has them; so is its environment, and KUBECTL names another kubectl

exit 0: answered, 1: the command line is wrong, 2: it cannot be said of all: a node does not answer, 3: there is no such object,
4: something needs a person, or is refused
`;

const NAMESPACE = "dmthin-system";
/** All of them take a value. */
const OF_KUBECTL: ReadonlySet<string> = new Set([
  "--kubeconfig",
  "--context",
  "--cluster",
  "--user",
  "--as",
  "--as-group",
  "--server",
  "--request-timeout",
]);

/** Throws InvalidRequestError on anything that is not of CLUSTER_USAGE. */
export function parseClusterWords(args: readonly string[]): ClusterCommand {
  const words = new Words(args);
  const [name, ...rest] = words.rest;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return { kind: "help" };
  if (name === "pool") {
    if (rest.length === 0)
      throw new InvalidRequestError("pool", "takes what `dmthin pool` takes; see kubectl dmthin --help");
    return rest[0] === "rehome"
      ? { kind: "rehome", args: [...rest.slice(1), ...forRehome(words.place)] }
      : { kind: "pool", ...words.place, args: rest };
  }
  const view = CLUSTER_VIEWS.find((each) => each === name);
  if (view === undefined)
    throw new InvalidRequestError("command", `${JSON.stringify(name)} is unknown; see kubectl dmthin --help`);
  if (view === "orphans" && rest.includes("--clean")) {
    if (words.place.node !== undefined)
      throw new InvalidRequestError(
        "orphans --clean",
        "asks a controller, and takes no --node: ids say where",
      );
    return { kind: "clean", ...words.place, args: rest.filter((word) => word !== "--clean") };
  }
  const { json, measure } = ownWords(view, rest);
  return { kind: "view", view, ...words.place, json, measure };
}

/** Of kubectl's flags it has two. */
function forRehome({ kubectl, namespace, node }: ClusterPlace): readonly string[] {
  const other = kubectl.find((flag) => !/^--(?:kubeconfig|context)=/.test(flag));
  const [refused] = node === undefined ? [other] : ["--node"];
  if (refused !== undefined)
    throw new InvalidRequestError("pool rehome", `takes --to, --kubeconfig and --context, not ${refused}`);
  return [`--namespace=${namespace}`, ...kubectl];
}

/** Takes out what is about the cluster, wherever it stands before `--`. */
class Words {
  readonly rest: readonly string[];
  readonly place: ClusterPlace;

  constructor(args: readonly string[]) {
    const rest: string[] = [];
    const kubectl: string[] = [];
    let namespace = NAMESPACE;
    let node: string | undefined;
    for (let at = 0; at < args.length; at += 1) {
      const word = args[at] ?? "";
      if (word === "--") {
        rest.push(...args.slice(at + 1));
        break;
      }
      const [name, written] = splitFlag(word);
      const isOurs = name === "--node" || name === "--namespace" || name === "-n";
      if (!isOurs && !OF_KUBECTL.has(name)) {
        rest.push(word);
        continue;
      }
      const value = written ?? args[(at += 1)];
      if (value === undefined || value === "") throw new InvalidRequestError(name, "needs a value");
      if (name === "--node") node = nodeName(value);
      else if (isOurs) namespace = value;
      else kubectl.push(`${name}=${value}`);
    }
    this.rest = rest;
    this.place = { kubectl, namespace, ...(node === undefined ? {} : { node }) };
  }
}

function splitFlag(word: string): readonly [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function nodeName(value: string): string {
  if (/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(value)) return value;
  throw new InvalidRequestError("--node", `${JSON.stringify(value)} is no name of a node`);
}

function ownWords(
  view: ClusterView,
  words: readonly string[],
): { readonly json: boolean; readonly measure: boolean } {
  let json = false;
  let measure = false;
  const left = [...words];
  while (left.length > 0) {
    const word = left.shift();
    if (word === "--measure" && (view === "volumes" || view === "snapshots")) measure = true;
    else if (word === "-o" || word === "--output") json = isJson(left.shift());
    else if (word?.startsWith("--output=") === true) json = isJson(word.slice("--output=".length));
    else if (word?.startsWith("-o") === true && word.length > 2)
      json = isJson(word.slice(2).replace(/^=/, ""));
    else throw new InvalidRequestError(view, `takes no ${JSON.stringify(word)}; see kubectl dmthin --help`);
  }
  return { json, measure };
}

function isJson(word: string | undefined): boolean {
  if (word === "json") return true;
  if (word === "text" || word === "table") return false;
  throw new InvalidRequestError("--output", "must be json or text");
}
