/**
 * The bed from inside its own namespaces of processes, mounts and network, as process 1: when this ends, the kernel ends and
 * drops all of it. Started by cluster.ts with the path of its settings; writes a line of JSON to its output when the API answers
 * and another when all nodes are ready.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename, join } from "node:path";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import { command, until } from "./children.ts";
import { serveControl } from "./control.ts";
import { API_URL, kubeconfig, startControlPlane, type ControlPlaneTools } from "./control-plane.ts";
import { Guest, IMAGES, importImages, RUN } from "./guest.ts";
import { API_ADDRESS, DISK_SIZES, type BedNode } from "./layout.ts";
import { serveNames } from "./names.ts";
import { makeNetwork } from "./network.ts";
import { followServices } from "./services.ts";

export interface InsideSettings {
  /** Directory of this run: logs, disks, sockets. */
  readonly state: string;
  readonly nodes: readonly BedNode[];
  readonly tools: ControlPlaneTools & { readonly kubelet: string; readonly node: string };
  readonly kernelTree: string;
  /** A Debian tree, where the nodes' kernels run. */
  readonly tree: string;
  /** Disks to be made before anything starts: a copy of `from` with these archives imported. The last one is the nodes' root. */
  readonly disks: readonly DiskRecipe[];
  /** Directory of those. */
  readonly images: string;
}

export interface DiskRecipe {
  /** Names in the directory of images. */
  readonly from: string;
  readonly to: string;
  readonly archives: readonly string[];
}

/** What the outside needs to write a kubeconfig. */
export interface Access {
  readonly ca: string;
  readonly token: string;
}

const NODES_READY_MS = 120_000;

const settings = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as InsideSettings;
const { state, nodes, tools, tree } = settings;
const logs = join(state, "logs");
const guestFiles = join(state, "guest");

async function prepareTree(): Promise<void> {
  mkdirSync(join(guestFiles, "bin"), { recursive: true });
  mkdirSync(join(guestFiles, "archives"), { recursive: true });
  await command("cp", "-r", `${join(import.meta.dirname, "guest")}/.`, guestFiles);
  for (const program of ["kubelet", "node"] as const) writeFileSync(join(guestFiles, "bin", program), "");
  const mount = (...args: readonly string[]): Promise<string> => command("mount", ...args);
  await mount("--make-rprivate", "/");
  await mount("--bind", tree, tree);
  await mount("-o", "remount,bind,ro", tree);
  // The guests' memory is files in their /tmp: they count only as far as they are touched.
  await mount("-t", "tmpfs", "-o", "mode=1777,size=100%", "tmpfs", join(tree, "tmp"));
  await mount("-t", "proc", "proc", join(tree, "proc"));
  await mount("--rbind", "/dev", join(tree, "dev"));
  await mount("--bind", settings.kernelTree, join(tree, "vm/kernel"));
  await mount("--bind", state, join(tree, RUN));
  await mount("--bind", settings.images, join(tree, IMAGES));
  await mount("--bind", guestFiles, join(tree, "bed"));
  for (const program of ["kubelet", "node"] as const)
    await mount("--bind", tools[program], join(tree, "bed/bin", program));
}

/** Those that are missing; each appears only when it is whole. */
async function makeDisks(): Promise<void> {
  for (const { from, to, archives } of settings.disks) {
    const goal = join(settings.images, to);
    if (existsSync(goal)) continue;
    const partial = `${to}.${basename(state)}`;
    await command("cp", "--sparse=always", join(settings.images, from), join(settings.images, partial));
    await command("rm", "-rf", join(guestFiles, "archives"), join(guestFiles, "import-result"));
    mkdirSync(join(guestFiles, "archives"));
    for (const archive of archives) copyFileSync(archive, join(guestFiles, "archives", basename(archive)));
    const log = join(logs, `import-${to}.log`);
    await importImages(log, tree, `${IMAGES}/${partial}`);
    const result = join(guestFiles, "import-result");
    if (!existsSync(result) || readFileSync(result, "utf8").trim() !== "0")
      throw new Error(`the images cannot be imported: see ${log}`);
    await command("mv", "-f", join(settings.images, partial), goal);
  }
}

function guestOf(node: BedNode): Guest {
  const root = settings.disks.at(-1)?.to ?? "root.ext4";
  const log = join(logs, `${node.name}.log`);
  const guest = new Guest(node, log, tree, `${RUN}/${node.name}.cow,${IMAGES}/${root}`);
  for (const [index, size] of DISK_SIZES.entries()) {
    const file = `${node.name}-${index}`;
    writeFileSync(join(state, file), "");
    truncateSync(join(state, file), Number.parseInt(size, 10) * 2 ** 30);
    guest.drives.add(`${RUN}/${file}`);
  }
  return guest;
}

/** The API server for the outside, through the file system: its address exists in this network namespace only. */
function serveApi(socket: string): void {
  createServer({ allowHalfOpen: true }, (caller) => {
    const api = connect({ host: API_ADDRESS, port: 443, allowHalfOpen: true });
    caller.on("error", () => api.destroy());
    api.on("error", () => caller.destroy());
    caller.pipe(api).pipe(caller);
  }).listen(socket);
}

async function nodesReady(admin: KubeConfig): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  await until("all nodes are ready", NODES_READY_MS, async () => {
    const { items } = await core.listNode();
    const ready = items.filter(({ status }) =>
      status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
    );
    return ready.length === nodes.length;
  });
}

// Whoever started the bed is gone, or wants it to end.
process.stdin.on("end", () => process.exit(0)).resume();

const started = performance.now();
const say = (what: string): void =>
  console.error(`bed: ${what} after ${((performance.now() - started) / 1000).toFixed(1)} s`);

mkdirSync(logs, { recursive: true });
await prepareTree();
await makeDisks();
say("images are in place");
await makeNetwork(nodes);
const plane = await startControlPlane(join(state, "control-plane"), nodes, tools);
say("the API server answers");
serveApi(join(state, "api.sock"));
const access: Access = { ca: plane.ca, token: plane.adminToken };
console.log(JSON.stringify(access));
serveNames(followServices(plane.admin));
mkdirSync(join(guestFiles, "nodes"), { recursive: true });
for (const node of nodes)
  writeFileSync(
    join(guestFiles, "nodes", `${node.name}.kubeconfig`),
    kubeconfig(API_URL, plane.ca, node.name, plane.nodeToken(node)),
    { mode: 0o600 },
  );
const guests = nodes.map(guestOf);
serveControl(join(state, "control.sock"), guests);
await Promise.all(guests.map((guest) => guest.start()));
say("all nodes have booted");
await nodesReady(plane.admin);
say("all nodes are ready");
console.log(JSON.stringify("ready"));
