/** A bed from outside: brought up, reached, ended. Several can run side by side: all but a port of 127.0.0.1 is their own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { kubeconfig } from "./control-plane.ts";
import { nodeDisks } from "./disks.ts";
import type { Access, InsideSettings } from "./inside.ts";
import { nodeNumber } from "./layout.ts";
import { ROOT, type Tools } from "./tools.ts";

export interface BedOptions {
  readonly nodes: number;
  /** Archive of the driver's image, in Docker's or OCI's format. */
  readonly driverImage?: string;
}

export interface Bed {
  /** Directory of its files. */
  readonly directory: string;
  readonly kubeconfig: string;
  /** Names of its nodes. */
  readonly nodes: readonly string[];
  /** The program `bed`, see bed.ts. */
  readonly program: string;
  /** Copies the logs of control plane and nodes. */
  keepLogs(target: string): void;
  /** Resolves when nothing of it is left but what keepLogs copied. */
  stop(): Promise<void>;
}

const STORE = process.env["DMTHIN_VM_DIR"] ?? "/var/tmp";
const PREFIX = "dmthin-e2e-";
const NODE = join(ROOT, "node_modules/.bin/node");

/** Resolves when all nodes are ready. Rejects with the end of the bed's log where one is not; the logs are in test/out/e2e then. */
export async function startBed(tools: Tools, options: BedOptions): Promise<Bed> {
  const { tree, images, recipes } = await nodeDisks(tools, options.driverImage);
  sweep();
  const directory = mkdtempSync(join(STORE, PREFIX));
  writeFileSync(join(directory, "owner"), String(process.pid));
  const settings: InsideSettings = {
    state: directory,
    nodes: Array.from({ length: options.nodes }, (_, index) => nodeNumber(index + 1)),
    tools: {
      etcd: tools.etcd,
      apiserver: tools.apiserver,
      controllerManager: tools.controllerManager,
      scheduler: tools.scheduler,
      kubelet: tools.kubelet,
      node: process.execPath,
    },
    kernelTree: tools.kernelTree,
    tree,
    images,
    disks: recipes,
  };
  writeFileSync(join(directory, "settings.json"), JSON.stringify(settings));
  const child = inNamespaces(join(directory, "settings.json"));
  let forwarder: Server | undefined;
  const stop = async (): Promise<void> => {
    // Process 1 of the namespace ends when its input does, and the kernel ends the others before unshare returns.
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    forwarder?.close();
    rmSync(directory, { recursive: true, force: true });
  };
  const keepLogs = (target: string): void => {
    mkdirSync(target, { recursive: true });
    cpSync(join(directory, "logs"), join(target, "logs"), { recursive: true });
    for (const name of ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]) {
      const log = join(directory, "control-plane", `${name}.log`);
      if (existsSync(log)) cpSync(log, join(target, "logs", `${name}.log`));
    }
  };
  try {
    const messages = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const access = await messageOf(messages);
    forwarder = await forward(join(directory, "api.sock"));
    const config = join(directory, "kubeconfig");
    const { ca, token } = access as Access;
    const address = forwarder.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    writeFileSync(config, kubeconfig(`https://127.0.0.1:${port}`, ca, "admin", token), { mode: 0o600 });
    await messageOf(messages);
    const program = join(directory, "bed");
    const words = [NODE, join(import.meta.dirname, "bed.ts"), directory].map((word) => `'${word}'`);
    writeFileSync(program, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    const nodes = settings.nodes.map(({ name }) => name);
    return { directory, kubeconfig: config, nodes, program, keepLogs, stop };
  } catch (error) {
    keepLogs(join(ROOT, "test/out/e2e"));
    await stop();
    throw error;
  }
}

/** Nothing of it outlives this process, whatever ends it. */
function inNamespaces(settings: string): ChildProcess {
  const unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const argv = ["--pdeathsig", "KILL", ...unshare, process.execPath, join(import.meta.dirname, "inside.ts")];
  // A session of its own keeps the terminal's Ctrl-C away: whoever started the bed ends it in order.
  return spawn("setpriv", [...argv, settings], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
}

async function messageOf(messages: AsyncIterator<string>): Promise<unknown> {
  const message = await messages.next();
  if (message.done === true) throw new Error("the bed ended while it was brought up");
  return JSON.parse(message.value) as unknown;
}

/** A port of 127.0.0.1 for a Unix socket. */
async function forward(socket: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (caller) => {
    const onward = connect({ path: socket, allowHalfOpen: true });
    caller.on("error", () => onward.destroy());
    onward.on("error", () => caller.destroy());
    caller.pipe(onward).pipe(caller);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Directories of beds whose process was killed; nothing else of them is left. */
function sweep(): void {
  for (const name of readdirSync(STORE)) {
    const owner = join(STORE, name, "owner");
    if (!name.startsWith(PREFIX) || !existsSync(owner)) continue;
    if (!existsSync(join("/proc", readFileSync(owner, "utf8"))))
      rmSync(join(STORE, name), { recursive: true, force: true });
  }
}
