/**
 * `make e2e`: brings what is missing, starts the test bed, installs dmthin as a user would, runs the suite, takes everything down. With
 * KUBECONFIG (--kubeconfig): the suite alone, on that cluster, where dmthin is installed. Ends with `e2e: N passed, N failed`; what
 * a failed run leaves is in test/out/e2e. Arguments behind `--` are the suite's.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { installSnapshotController, kubectl } from "./bed/addons.ts";
import { command, until } from "./bed/children.ts";
import { startBed, type Bed } from "./bed/cluster.ts";
import { hostpathImage } from "./bed/disks.ts";
import { followReadme } from "./readme.ts";
import { bringTools, lines, ROOT, type Tools } from "./bed/tools.ts";

const OUT = join(ROOT, "test/out/e2e");
const CHART = join(ROOT, "charts/dmthin");
const PLUGIN = join(ROOT, "bin/kubectl-dmthin");
const VALUES = join(import.meta.dirname, "values.yaml");
const SUITE = join(import.meta.dirname, "suite/run.ts");
const NAMESPACE = "dmthin-system";
const NODE_LOGS = [
  { name: "kubelet", ask: ["tail", "-c", "20000000", "/var/log/kubelet.log"] },
  { name: "containerd", ask: ["tail", "-c", "20000000", "/var/log/containerd.log"] },
  { name: "kernel", ask: ["dmesg"] },
] as const;
/** Of an installation until all its pods are ready, in helm's words; a machine of two processors that does other work is slow. */
const INSTALL_TIME = "5m";
const ROOM_MS = 120_000;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const { values, positionals } = parseArgs({
  options: { kubeconfig: { type: "string" }, image: { type: "string" } },
  allowPositionals: true,
});

let interrupted = false;
/** Who reads only the last line learns that nothing was tested. */
let verdict = "e2e: 0 passed, 1 failed";
/** Counted beside the suite's scenarios. */
let readme: "passed" | "failed" | undefined;
const spent: [what: string, seconds: number][] = [];

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  console.log(`== ${what}`);
  try {
    return await work();
  } finally {
    spent.push([what, (performance.now() - started) / 1000]);
  }
}

type Argv = readonly [string, ...string[]];

/** Its exit code. Its output is ours, but for its verdict, which comes last. */
async function run(argv: Argv, environment: NodeJS.ProcessEnv = {}, cwd = ROOT): Promise<number> {
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pass = (signal: NodeJS.Signals): void => {
    interrupted = true;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("e2e: ")) verdict = line;
    else console.log(line);
  });
  const [code] = (await once(child, "close")) as [number | null];
  for (const signal of SIGNALS) process.off(signal, pass);
  return code ?? 1;
}

async function must(argv: Argv, environment?: NodeJS.ProcessEnv): Promise<void> {
  const code = await run(argv, environment);
  if (code !== 0) throw new Error(`${argv[0]} ended with ${code}`);
}

const suite = (environment: NodeJS.ProcessEnv): Promise<number> =>
  timed("suite", () => run([process.execPath, SUITE, ...positionals], environment));

/** The cluster as it was when something failed: what a person would look at first. */
async function keepEvidence(tools: Tools, bed: Bed): Promise<void> {
  const questions: Readonly<Record<string, readonly string[]>> = {
    "objects.txt": [
      "get",
      "nodes,pods,pvc,pv,csinodes,volumesnapshots,csistoragecapacities",
      "-A",
      "-o",
      "wide",
    ],
    "events.txt": ["get", "events", "-A", "--sort-by=.lastTimestamp"],
    "pods.txt": ["describe", "pods", "-n", NAMESPACE],
  };
  const keep = async (name: string, args: readonly string[]): Promise<void> => {
    const text = await kubectl(tools, bed.kubeconfig, args).catch((error: unknown) => String(error));
    writeFileSync(join(OUT, name), text);
  };
  bed.keepLogs(OUT);
  for (const [name, args] of Object.entries(questions)) await keep(name, args);
  for (const node of bed.nodes)
    for (const log of NODE_LOGS) {
      const text = await command(bed.program, "run", node, "--", ...log.ask).catch((error: unknown) =>
        String(error),
      );
      writeFileSync(join(OUT, "logs", `${node}-${log.name}.log`), text);
    }
  const pods = await kubectl(tools, bed.kubeconfig, ["get", "pods", "-n", NAMESPACE, "-o", "name"]).catch(
    () => "",
  );
  for (const pod of pods.split("\n").filter((name) => name !== "")) {
    const options = ["logs", "-n", NAMESPACE, pod, "--all-containers", "--prefix", "--timestamps"];
    await keep(`${pod.replace("pod/", "")}.log`, options);
    await keep(`${pod.replace("pod/", "")}.previous.log`, [...options, "--previous"]);
  }
}

async function onBed(): Promise<number> {
  const tools = await timed("tools of the cluster", bringTools);
  const helm = await timed("helm", () => lines(join(ROOT, "test/tools/helm.sh"))[0] ?? "");
  const image = values.image ?? (await timed("image", builtImage));
  const hostpath = hostpathImage(tools.sidecars);
  const bed = await timed("cluster", () => startBed(tools, { nodes: 2, driverImage: image }));
  let code = 1;
  try {
    const environment = { KUBECONFIG: bed.kubeconfig };
    await timed("snapshot-controller", () => installSnapshotController(tools, bed.kubeconfig));
    if (positionals.length === 0) await timed("README", () => asReadmeSays(tools, bed, helm));
    const place = ["--namespace", NAMESPACE, "--create-namespace", "--values", VALUES];
    const argv = [helm, "install", "dmthin", CHART, ...place, "--wait", "--timeout", INSTALL_TIME] as const;
    await timed("dmthin", async () => {
      await must(argv, environment);
      await until("all nodes have room", ROOM_MS, () => haveRoom(tools, bed));
    });
    if (!interrupted)
      code = await suite({
        ...environment,
        KUBECTL: tools.kubectl,
        HELM: helm,
        DMTHIN_E2E_BED: bed.program,
        DMTHIN_E2E_CHART: CHART,
        ...(existsSync(PLUGIN) ? { DMTHIN_E2E_PLUGIN: PLUGIN } : {}),
        ...(hostpath === undefined ? {} : { DMTHIN_E2E_HOSTPATH: hostpath }),
        DMTHIN_NAMESPACE: NAMESPACE,
        DMTHIN_E2E_POOL: "fast",
        DMTHIN_E2E_SMALL_POOL: "small",
      });
  } finally {
    if (code !== 0 && !interrupted) await timed("evidence", () => keepEvidence(tools, bed));
    await timed("end", () => bed.stop());
  }
  return code;
}

/** Pods are ready before csi-provisioner has asked what their nodes have; till then the scheduler takes them for full. */
async function haveRoom(tools: Tools, bed: Bed): Promise<boolean> {
  const text = await kubectl(tools, bed.kubeconfig, ["get", "csistoragecapacities", "-A", "-o", "json"]);
  const { items } = JSON.parse(text) as { items: { capacity?: string }[] };
  return items.filter(({ capacity = "0" }) => capacity !== "0").length >= bed.nodes.length;
}

/** One more test, and its failure ends the run no more than another's. */
async function asReadmeSays({ kubectl: program }: Tools, bed: Bed, helm: string): Promise<void> {
  const directory = join(bed.directory, "readme");
  try {
    await followReadme(directory, { helm, kubectl: program }, (argv, environment, cwd) =>
      run(argv, { ...environment, KUBECONFIG: bed.kubeconfig }, cwd),
    );
    readme = "passed";
  } catch (error) {
    readme = "failed";
    console.log(`FAILED   README\n${error instanceof Error ? error.message : String(error)}`);
  }
}

async function builtImage(): Promise<string> {
  const directory = join(ROOT, "dist");
  await must([join(ROOT, "deploy/image/build.sh"), directory]);
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  return join(directory, `dmthin-${version}.tar`);
}

// Until a bed stands, its end is this process's: a signal then may end it at once.
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
let exitCode = 1;
try {
  exitCode = values.kubeconfig === undefined ? await onBed() : await suite({ KUBECONFIG: values.kubeconfig });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
console.log("\nwhere the time went");
for (const [what, seconds] of spent) console.log(`${seconds.toFixed(1).padStart(8)} s  ${what}`);
if (exitCode !== 0) console.log(`logs: ${OUT}`);
console.log(
  verdict.replace(/(\d+) passed, (\d+) failed/, (_all, passed: string, failed: string) => {
    const [more, lost] = [Number(readme === "passed"), Number(readme === "failed")];
    return `${Number(passed) + more} passed, ${Number(failed) + lost} failed`;
  }),
);
process.exitCode = interrupted ? 130 : readme === "failed" ? 1 : exitCode;
