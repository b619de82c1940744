/** Nodes as User-Mode-Linux guests: switched on, their power cut, commands run in them. */
import type { ChildProcess } from "node:child_process";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import { daemon, endGroup, hasEnded, until } from "./children.ts";
import { Drives } from "./drives.ts";
import { AGENT_PORT, HOST_ADDRESS, NODE_MEMORY, type BedNode } from "./layout.ts";

/** Paths as the guest's kernel sees them, in the chroot. */
export const KERNEL = "/vm/kernel/usr/bin/linux.uml";
export const RUN = "/vm/run";
export const IMAGES = "/vm/images";

const BOOT_MS = 60_000;
const IMPORT_MS = 600_000;

const boot = (log: string, tree: string, name: string, args: readonly string[]): ChildProcess =>
  daemon(
    log,
    [
      "chroot",
      tree,
      KERNEL,
      `mem=${NODE_MEMORY}`,
      "root=/dev/ubda",
      "rw",
      "init=/usr/sbin/dmthin-node",
      "seccomp=on",
      "con=null",
      "con0=null,fd:1",
      "console=tty0",
      "panic=-1",
      "pty.legacy_count=0",
      "uml_dir=/tmp/uml",
      `umid=${name}`,
      ...args,
    ],
    { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/tmp", TMPDIR: "/tmp" },
  );

/** Takes the archives of /bed/archives into the images' store on that disk; `disk` is a path in the chroot. */
export async function importImages(log: string, tree: string, disk: string): Promise<void> {
  const guest = boot(log, tree, "import", [`ubdad=${disk}`, "bed_mode=import"]);
  const timer = setTimeout(() => void endGroup(guest), IMPORT_MS);
  if (!hasEnded(guest)) await once(guest, "exit");
  clearTimeout(timer);
  await endGroup(guest);
}

/** A node's machine. Its disks outlive a power cut. */
export class Guest {
  readonly node: BedNode;
  readonly drives = new Drives();
  readonly #log: string;
  readonly #tree: string;
  readonly #root: string;
  #process: ChildProcess | undefined;

  /** `root`: the value of ubda. */
  constructor(node: BedNode, log: string, tree: string, root: string) {
    [this.node, this.#log, this.#tree, this.#root] = [node, log, tree, root];
  }

  get isOn(): boolean {
    return this.#process !== undefined && !hasEnded(this.#process);
  }

  /** Resolves when it runs commands; its kubelet comes a little later. */
  async start(): Promise<void> {
    if (this.isOn) return;
    const { name, address, tap, podCidr } = this.node;
    const guest = boot(this.#log, this.#tree, name, [
      `ubda=${this.#root}`,
      ...this.drives.arguments,
      `vec0:transport=tap,ifname=${tap},depth=128,gro=1`,
      "bed_mode=node",
      `node_name=${name}`,
      `node_address=${address}`,
      `host_address=${HOST_ADDRESS}`,
      `pod_cidr=${podCidr}`,
    ]);
    this.#process = guest;
    await until(`${name} boots (see ${this.#log})`, BOOT_MS, async () => {
      if (hasEnded(guest)) throw new Error(`${name} ended while it booted: see ${this.#log}`);
      return (await this.run(["true"]).catch(() => undefined)) !== undefined;
    });
  }

  /** What it did not write to its disks is lost. */
  async cut(): Promise<void> {
    if (this.#process !== undefined) await endGroup(this.#process);
    this.#process = undefined;
  }

  /** The agent's answer: lines of [stream, piece], see guest/agent.ts. Rejects where the node does not answer. */
  run(argv: readonly string[]): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = request({ host: this.node.address, port: AGENT_PORT, method: "POST", timeout: 3000 });
      call.on("response", resolve).on("error", reject);
      call.on("timeout", () => {
        // A command may be silent for long; a node that is off does not even connect.
        if (call.socket?.connecting !== false) call.destroy(new Error("no answer"));
      });
      call.end(JSON.stringify(argv));
    });
  }
}
