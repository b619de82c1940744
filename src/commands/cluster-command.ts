/** `kubectl dmthin`: what the drivers of all nodes say, as one answer. Codes: docs/reference/commands.md. */
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { formatJson } from "../core/json.ts";
import { parseReport } from "../monitor/report-json.ts";
import { EXIT, type Said } from "./answer.ts";
import { askDrivers, findDrivers, getList, inController, inDriver } from "./cluster-ask.ts";
import type { Drivers, Kubectl, NodeAnswer, Question } from "./cluster-ask.ts";
import { ownersOf, snapshotOwnersOf, usersOf } from "./cluster-objects.ts";
import * as text from "./cluster-text.ts";
import { CLUSTER_USAGE, type ClusterCommand } from "./cluster-words.ts";
import { parseOrphanList } from "./orphans-text.ts";
import type { Paint } from "./paint.ts";
import { isWell } from "./show-pool.ts";
import { oneLine } from "./table.ts";

type ViewCommand = Extract<ClusterCommand, { readonly kind: "view" }>;

/** Longer than a driver waits for a pool that is stuck. */
const ANSWER_MS = 45_000;
/** As long as a measurement may last. */
const MEASURE_MS = 345_000;

/** Throws EnvironmentError where nothing can be asked. */
export async function answerForCluster(
  command: Exclude<ClusterCommand, { readonly kind: "rehome" }>,
  kubectl: Kubectl,
  paint: Paint,
): Promise<Said> {
  if (command.kind === "help") return { exitCode: EXIT.ok, output: CLUSTER_USAGE };
  if (command.kind === "clean") {
    const words = ["orphans", "--cluster", "--clean", ...command.args];
    const exitCode = await kubectl.show(inController(command, words));
    return { exitCode: exitCode ?? EXIT.unknown, output: "" };
  }
  const { drivers: all, complaints } = await findDrivers(kubectl, command);
  const drivers = all.filter(([node]) => command.node === undefined || node === command.node);
  if (drivers.length === 0) {
    const complaint = `node ${command.node} has no driver; there are ${all.map(([node]) => node).join(", ")}`;
    return { exitCode: EXIT.missing, output: "", complaint };
  }
  return command.kind === "pool"
    ? passOn(command, kubectl, drivers)
    : view(command, { kubectl, drivers, complaints, paint });
}

async function passOn(
  command: Extract<ClusterCommand, { readonly kind: "pool" }>,
  kubectl: Kubectl,
  drivers: Drivers,
): Promise<Said> {
  const [[node, pod] = ["", undefined], ...others] = drivers;
  if (others.length > 0)
    return {
      exitCode: 1,
      output: "",
      complaint: `pool: --node says on which: ${drivers.map(([name]) => name).join(", ")}`,
    };
  if (pod === undefined)
    return { exitCode: EXIT.unknown, output: "", complaint: `${node}: its driver does not run` };
  const exitCode = await kubectl.show(inDriver(command, pod, ["pool", ...command.args]));
  return { exitCode: exitCode ?? EXIT.unknown, output: "" };
}

interface Asking {
  readonly kubectl: Kubectl;
  readonly drivers: Drivers;
  readonly complaints: readonly string[];
  readonly paint: Paint;
}

async function view(command: ViewCommand, asking: Asking): Promise<Said> {
  const { kubectl, drivers, paint } = asking;
  const shown = { json: command.json, paint };
  const ask = <Value>(question: Question<Value>) => askDrivers(kubectl, command, drivers, question);
  switch (command.view) {
    case "orphans": {
      const lists = await ask({ ...ORPHANS, read: parseOrphanList });
      const unjudged = text
        .valuesOf(lists)
        .flatMap(({ node, value }) =>
          value.unjudged.map(({ kind, name, why }) => `${node}: not judged: ${kind} ${name}: ${why}`),
        );
      return said(asking, lists, text.clusterOrphans(lists, shown), unjudged);
    }
    case "doctor":
      return doctor(command, asking);
    case "status":
    case "pools":
    case "volumes":
    case "snapshots":
      break;
  }
  if (command.measure) await ask({ ...MEASURE, read: () => undefined });
  const reports = await ask({ ...REPORT, read: parseReport });
  const { known, unknown } = await whatKubernetesKnows(command, kubectl);
  const output = {
    status: () => text.clusterStatus(reports, shown),
    pools: () => text.clusterPools(reports, shown),
    volumes: () => text.clusterVolumes(reports, known, shown),
    snapshots: () => text.clusterSnapshots(reports, known, shown),
  }[command.view]();
  const troubles = text
    .valuesOf(reports)
    .flatMap(({ node, value }) =>
      value.pools
        .filter((pool) =>
          command.view === "status"
            ? false
            : command.view === "pools"
              ? !isWell(pool)
              : pool.kind === "absent",
        )
        .map(
          (pool) =>
            `${node}: pool ${pool.name}${pool.kind === "absent" ? ` is not open: ${pool.reason}` : " needs a person: see status"}`,
        ),
    );
  return said(asking, reports, output, [...unknown, ...troubles]);
}

const REPORT = { words: ["status", "-o", "json"], answers: [EXIT.ok, EXIT.attention], timeoutMs: ANSWER_MS };
const MEASURE = {
  words: ["volume", "list", "--measure", "-o", "json"],
  answers: [EXIT.ok, EXIT.attention],
  timeoutMs: MEASURE_MS,
};
const ORPHANS = {
  words: ["orphans", "-o", "json"],
  answers: [EXIT.ok, EXIT.unknown, EXIT.attention],
  timeoutMs: ANSWER_MS,
};
/** 1: something is ill, and is said in what it prints. */
const DOCTOR = { answers: [EXIT.ok, 1], timeoutMs: ANSWER_MS };

async function doctor(command: ViewCommand, asking: Asking): Promise<Said> {
  const words = command.json ? ["doctor", "-o", "json"] : ["doctor"];
  const { kubectl, drivers } = asking;
  const answers = await askDrivers(kubectl, command, drivers, { ...DOCTOR, words, read: anyText });
  const found = text.valuesOf(answers);
  const output = command.json
    ? formatJson({ nodes: found.map(({ node, value }) => Object.assign({ node }, parseFindings(value))) })
    : found.map(({ node, value }) => `${node}\n${value}`).join("\n");
  return said(asking, answers, output, []);
}

/** kubectl's own failure has the exit code of an ill node, and says nothing. Throws ParseError. */
function anyText(stdout: string): string {
  if (stdout !== "") return stdout;
  throw new ParseError("dmthin doctor", "its answer", "", "text");
}

function parseFindings(stdout: string): object {
  try {
    const value: unknown = JSON.parse(stdout);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Below.
  }
  throw new ParseError("dmthin doctor", "its answer", stdout.slice(0, 80), "JSON");
}

/** A volume is listed also where Kubernetes does not say whose it is. */
async function whatKubernetesKnows(
  { view: what, ...place }: ViewCommand,
  kubectl: Kubectl,
): Promise<{ readonly known: text.Known; readonly unknown: readonly string[] }> {
  const unknown: string[] = [];
  const attempt = async <Value>(
    args: readonly string[],
    read: (json: string) => Value,
  ): Promise<Value | undefined> => {
    try {
      return read(await getList(kubectl, place, args));
    } catch (error) {
      if (!(error instanceof EnvironmentError) && !(error instanceof ParseError)) throw error;
      unknown.push(messageOf(error));
      return undefined;
    }
  };
  const has = (...views: readonly string[]): boolean => views.includes(what);
  const [owners, users, snapshots] = await Promise.all([
    has("volumes", "snapshots") ? attempt(["persistentvolumes"], ownersOf) : undefined,
    has("volumes") ? attempt(["pods", "--all-namespaces"], usersOf) : undefined,
    has("snapshots") ? attempt(["volumesnapshotcontents"], snapshotOwnersOf) : undefined,
  ]);
  const known = {
    ...(owners === undefined ? {} : { owners }),
    ...(users === undefined ? {} : { users }),
    ...(snapshots === undefined ? {} : { snapshots }),
  };
  return { known, unknown };
}

/** The worst of what the nodes said; a node that said nothing is worse than one that needs a person. */
function said(
  { complaints }: Asking,
  answers: readonly NodeAnswer<unknown>[],
  output: string,
  more: readonly string[],
): Said {
  const away = answers.flatMap((each) =>
    "problem" in each ? [`${each.node} does not answer: ${each.problem}`] : [],
  );
  const codes = text.valuesOf(answers).map(({ exitCode }) => exitCode);
  const isSilent = away.length > 0 || codes.includes(EXIT.unknown);
  const isIll = codes.some((code) => code !== EXIT.ok);
  const lines = [...away, ...complaints, ...more].map(oneLine);
  return {
    exitCode: isSilent ? EXIT.unknown : isIll ? EXIT.attention : EXIT.ok,
    output,
    ...(lines.length === 0 ? {} : { complaint: lines.join("\ndmthin: ") }),
  };
}
