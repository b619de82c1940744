/**
 * A machine as the guides presume it: `dmthin` on the PATH, its configuration in /etc, disks by the names that udev would
 * give them. What is put over directories of the machine is taken away again.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { connectCsi, type CsiClient } from "./csi-client.ts";
import { expectedOutput, isRun, missingLines, shellBlocks, type ShellBlock } from "./guides.ts";
import { run, takeDown } from "./machine-state.ts";
import { ROOT } from "./markdown.ts";
import { scratchDirectory } from "./scratch.ts";
import { SHARED_DIRECTORIES } from "./volume-life.ts";

const CONFIG = "/etc/dmthin/config.yaml";
const SOCKET = "/run/dmthin/csi.sock";
const BY_ID = "/dev/disk/by-id";
const START_MS = 30_000;

export class GuidePlace {
  readonly #scratch: string;
  readonly #covered: string[] = [];
  readonly #links: string[] = [];
  readonly #disks = new Map<string, { readonly file: string; readonly node: string }>();
  #child: ChildProcess | undefined;
  #client: CsiClient | undefined;
  /** Where the log of the last driver begins. */
  #since = 0;

  private constructor(scratch: string) {
    this.#scratch = scratch;
  }

  static async create(): Promise<GuidePlace> {
    const place = new GuidePlace(await mkdtemp(join(scratchDirectory(), "guides-")));
    await place.cover("/etc/dmthin");
    await place.cover("/run/dmthin");
    await mkdir(place.#path("bin"));
    const script = `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, "src/main.ts")} "$@"\n`;
    await writeFile(place.#path("bin/dmthin"), script);
    await chmod(place.#path("bin/dmthin"), 0o755);
    for (const each of SHARED_DIRECTORIES)
      await mkdir(join(place.kubeletDirectory, each), { recursive: true });
    await mkdir(BY_ID, { recursive: true });
    return place;
  }

  get kubeletDirectory(): string {
    return this.#path("kubelet");
  }

  get csi(): CsiClient {
    if (this.#client === undefined) throw new Error("the driver is not running");
    return this.#client;
  }

  /** Of all drivers that ran here. */
  get log(): string {
    return existsSync(this.#path("log")) ? readFileSync(this.#path("log"), "utf8") : "";
  }

  /** Resolves when the driver that was started last has logged that. */
  async logged(line: RegExp): Promise<void> {
    const end = performance.now() + START_MS;
    while (!line.test(this.log.slice(this.#since))) {
      if (performance.now() > end) throw new Error(`never logged: ${line.source}\n${this.log.slice(-4000)}`);
      await sleep(100);
    }
  }

  /** A blank disk, under a name of udev's. */
  async disk(id: string, mebibytes: number): Promise<void> {
    const file = this.#path(`${id}.img`);
    await writeFile(file, "");
    await truncate(file, mebibytes * 2 ** 20);
    const node = await run("losetup", "--find", "--show", "--partscan", "--direct-io=on", file);
    this.#disks.set(id, { file, node });
    await this.#link(node, id);
  }

  /** Whoever owns the disk makes it longer. */
  async growDisk(id: string, mebibytes: number): Promise<void> {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new RangeError(id);
    await truncate(disk.file, mebibytes * 2 ** 20);
    await run("losetup", "--set-capacity", disk.node);
  }

  /** The machine loses it, whatever is on it. */
  async removeDisk(id: string): Promise<void> {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new RangeError(id);
    this.#disks.delete(id);
    const links = this.#links.filter((link) => basename(link).startsWith(id));
    for (const link of links) await rm(link, { force: true });
    await run("losetup", "--detach", disk.node);
    await rm(disk.file);
  }

  /** As an editor does it. What the guides leave to their defaults and the test needs elsewhere is added. */
  async configure(yaml: string): Promise<void> {
    await writeFile(`${CONFIG}.new`, `${yaml}\nkubeletDirectory: ${this.kubeletDirectory}\n`);
    await rename(`${CONFIG}.new`, CONFIG);
  }

  async start(): Promise<void> {
    this.#since = this.log.length;
    const output = openSync(this.#path("log"), "a");
    const child = spawn(this.#path("bin/dmthin"), ["all"], {
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    this.#child = child;
    this.#client = connectCsi(`unix://${SOCKET}`);
    const end = performance.now() + START_MS;
    for (;;) {
      const answer = await this.#client.identity.probe({}, { deadlineMs: 2000 }).catch(() => undefined);
      if (answer?.ready?.value === true) return;
      if (child.exitCode !== null || performance.now() > end) {
        child.kill("SIGKILL");
        this.#child = undefined;
        throw new Error(`the driver is not ready:\n${this.log.slice(-4000)}`);
      }
      await sleep(50);
    }
  }

  /** What it printed. Throws where it fails. */
  dmthin(...args: readonly string[]): Promise<string> {
    return run(this.#path("bin/dmthin"), ...args);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** By SIGTERM. Throws where it does not end well. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#client?.close();
    this.#child = undefined;
    this.#client = undefined;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
    if (child.exitCode !== 0) throw new Error(`the driver ended badly:\n${this.log.slice(-4000)}`);
  }

  /** The blocks of a guide, to be run one after the other. */
  async guide(path: string): Promise<GuideRun> {
    await rm(this.#path("variables"), { force: true });
    return new GuideRun(path, async (text, environment) => {
      const done = await shell(text, this.#path("variables"), {
        ...process.env,
        PATH: [this.#path("bin"), process.env["PATH"]].join(delimiter),
        LC_ALL: "C.UTF-8",
        ...environment,
      });
      await this.#linkPartitions();
      return done;
    });
  }

  async clear(): Promise<void> {
    if (this.#child !== undefined) await this.stop();
    await takeDown("fast", [this.#scratch, ...this.#covered]);
    for (const link of this.#links) await rm(link, { force: true });
    for (const directory of this.#covered.toReversed()) await run("umount", directory);
    await rm(this.#scratch, { recursive: true });
  }

  #path(name: string): string {
    return join(this.#scratch, name);
  }

  /** A directory of the machine is empty, and the test's, until the end. */
  async cover(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory);
    this.#covered.push(directory);
  }

  async #link(node: string, name: string): Promise<void> {
    const link = join(BY_ID, name);
    await symlink(node, link);
    this.#links.push(link);
  }

  async #linkPartitions(): Promise<void> {
    for (const [id, { node }] of this.#disks) {
      const device = basename(node);
      for (const name of await readdir(`/sys/block/${device}`)) {
        const number = name.startsWith(`${device}p`) ? name.slice(device.length + 1) : undefined;
        if (number === undefined) continue;
        const link = `${id}-part${number}`;
        const there = await readlink(join(BY_ID, link)).catch(() => undefined);
        if (there === undefined) await this.#link(`/dev/${name}`, link);
      }
    }
  }
}

interface Done {
  readonly exitCode: number;
  readonly output: string;
}

/** Variables go on from block to block, in a file. */
async function shell(text: string, variables: string, env: NodeJS.ProcessEnv): Promise<Done> {
  const script = `[ ! -e '${variables}' ] || . '${variables}'
trap 'code=$?; export -p >"${variables}"; exit $code' EXIT
set -aeuo pipefail
${text}
`;
  const child = spawn("bash", ["-c", script], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { exitCode: code ?? -1, output: Buffer.concat(chunks).toString() };
}

type Shell = (text: string, environment: NodeJS.ProcessEnv) => Promise<Done>;

/** A guide from its first block to its last. */
export class GuideRun {
  readonly #left: ShellBlock[];
  readonly path: string;
  readonly #shell: Shell;
  #environment: NodeJS.ProcessEnv = {};

  constructor(path: string, inShell: Shell) {
    this.path = path;
    this.#shell = inShell;
    this.#left = shellBlocks(path).filter(isRun);
  }

  /** Variables of the reader's shell. */
  set(environment: NodeJS.ProcessEnv): void {
    this.#environment = environment;
  }

  /** The next block that is not left out. Answers what it printed. Throws where that, or its exit code, is not as the guide says. */
  async next(): Promise<string> {
    const block = this.#left.shift();
    if (block === undefined) throw new Error(`${this.path} has no more blocks`);
    const { exitCode, output } = await this.#shell(block.text, this.#environment);
    const missing = missingLines(expectedOutput(block.text), output);
    const expected = "exitCode" in block.run ? block.run.exitCode : undefined;
    if (exitCode !== expected || missing.length > 0)
      throw new Error(
        `${this.path}:${block.line} ended with ${exitCode}; not printed: ${JSON.stringify(missing)}; printed:\n${output}`,
      );
    return output;
  }

  async all(): Promise<void> {
    while (this.left > 0) await this.next();
  }

  /** Blocks that were not run yet. */
  get left(): number {
    return this.#left.length;
  }
}
