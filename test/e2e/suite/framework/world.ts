/** What one scenario works with: a namespace of its own, and kubectl in it. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Cluster } from "./cluster.ts";
import type { Classes } from "./classes.ts";
import { CommandError } from "./kubectl.ts";
import type { CommandOptions, KubeObject, Outcome } from "./kubectl.ts";
import type { Watch } from "./watch.ts";

/** What time is spent on, over all scenarios. */
export type Phase =
  | "namespace"
  | "pods start"
  | "pods end"
  | "claims bind"
  | "snapshots"
  | "growth"
  | "in the pod"
  | "driver and nodes"
  | "chart"
  | "other waits"
  | "clean up";

export interface TimelineEntry {
  readonly seconds: number;
  readonly text: string;
}

interface BoundVolume extends KubeObject {
  readonly spec?: {
    readonly claimRef?: { readonly namespace?: string };
    readonly volumeSnapshotRef?: { readonly namespace?: string };
  };
}

const CLEAN_UP_MS = 180_000;
const CONTENTS = "volumesnapshotcontents.snapshot.storage.k8s.io";

export class World {
  readonly id: string;
  readonly namespace: string;
  readonly cluster: Cluster;
  readonly classes: Classes;
  readonly timeline: TimelineEntry[] = [];
  readonly spent = new Map<Phase, number>();
  /** What it measured, shown beside its result. */
  readonly remarks: string[] = [];
  /** When it began, for `kubectl logs --since-time`. */
  readonly since = new Date();
  readonly #began = performance.now();
  readonly #endings: (() => Promise<unknown>)[] = [];
  #closed = false;
  /** Tells what undoes from what the scenario has left running. */
  readonly #undoing = new AsyncLocalStorage<true>();

  constructor(id: string, { cluster, classes }: { readonly cluster: Cluster; readonly classes: Classes }) {
    this.id = id;
    this.namespace = `e2e-${id}-${Math.trunc(Math.random() * 36 ** 4).toString(36)}`.slice(0, 63);
    this.cluster = cluster;
    this.classes = classes;
  }

  get kubectl(): Cluster["kubectl"] {
    return this.cluster.kubectl;
  }

  /** The first node of the driver, and the second where there is one. */
  get nodeA(): string {
    return this.#node(0);
  }
  get nodeB(): string {
    return this.#node(1);
  }
  #node(index: number): string {
    const node = this.cluster.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index + 1} with the driver`);
    return node.name;
  }

  open(): Promise<void> {
    return this.phase("namespace", async () => {
      await this.kubectl.run(["create", "namespace", this.namespace]);
      // Pods are refused until the namespace has its account.
      await this.watch({
        get: ["serviceaccounts"],
        what: "the namespace has its service account",
        judge: (accounts) => accounts.some(({ metadata }) => metadata?.name === "default") || undefined,
      });
    });
  }

  /** What has to be undone whatever comes, last first, before the namespace goes. */
  atEnd(undo: () => Promise<unknown>): void {
    this.#endings.push(undo);
  }

  /** Undoes, deletes the namespace, and waits until no volume and no snapshot of it is left: what stays is a leak. */
  close(): Promise<void> {
    this.#closed = true;
    return this.phase("clean up", async () => {
      const failures: unknown[] = [];
      const attempt = (work: () => Promise<unknown>): Promise<unknown> =>
        work().catch((error: unknown) => failures.push(error));
      for (const undo of this.#endings.toReversed()) await attempt(() => this.#undoing.run(true, undo));
      // Where something is not undone, this can fail for that very reason: all are told.
      await attempt(() =>
        this.kubectl.run(["delete", "namespace", this.namespace, "--timeout=150s"], {
          timeoutMs: CLEAN_UP_MS,
        }),
      );
      if (failures.length > 0) throw new Error(`not undone: ${failures.map(String).join("; ")}`);
      await this.#untilGone("persistentvolumes", ({ spec }) => spec?.claimRef?.namespace);
      if (!this.cluster.lacking.has("snapshots"))
        await this.#untilGone(CONTENTS, ({ spec }) => spec?.volumeSnapshotRef?.namespace);
    });
  }

  #untilGone(kind: string, namespaceOf: (object: BoundVolume) => string | undefined): Promise<true> {
    return this.kubectl.watch<BoundVolume, true>({
      get: [kind],
      what: `no ${kind} of ${this.namespace} are left`,
      judge: (objects) => objects.every((each) => namespaceOf(each) !== this.namespace) || undefined,
      timeoutMs: CLEAN_UP_MS,
    });
  }

  /** A line of the timeline that is shown when the scenario fails. Throws after its end: what came too late stops there. */
  note(text: string): void {
    if (this.#closed && this.#undoing.getStore() === undefined)
      throw new Error(`${this.id} is over: ${text}`);
    this.timeline.push({ seconds: (performance.now() - this.#began) / 1000, text });
  }

  async phase<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      const seconds = (performance.now() - began) / 1000;
      this.spent.set(phase, (this.spent.get(phase) ?? 0) + seconds);
    }
  }

  async apply(...objects: readonly KubeObject[]): Promise<void> {
    this.note(`apply ${objects.map(({ kind, metadata }) => `${kind}/${metadata?.name}`).join(", ")}`);
    await this.kubectl.apply(this.namespace, ...objects);
  }

  get<T extends KubeObject>(kind: string, name: string): Promise<T> {
    return this.kubectl.json<T>(["get", kind, name, ...this.#here]);
  }

  list<T extends KubeObject>(kind: string): Promise<readonly T[]> {
    return this.kubectl.list<T>(["get", kind, ...this.#here]);
  }

  /** In this namespace; `get` names the kind, and which. */
  async watch<T extends KubeObject, R>(watch: Watch<T, R>): Promise<R> {
    this.note(`wait: ${watch.what}`);
    return this.kubectl.watch<T, R>({ ...watch, get: [...watch.get, ...this.#here] });
  }

  async patch(kind: string, name: string, patch: unknown): Promise<void> {
    this.note(`patch ${kind}/${name} ${JSON.stringify(patch)}`);
    await this.kubectl.run([
      "patch",
      kind,
      name,
      ...this.#here,
      "--type=merge",
      `--patch=${JSON.stringify(patch)}`,
    ]);
  }

  /** Deletes, and waits for the end unless told not to. */
  async delete(kind: string, names: readonly string[], { wait = true } = {}): Promise<void> {
    this.note(`delete ${kind}/${names.join(", ")}`);
    await this.kubectl.run(["delete", kind, ...names, ...this.#here, `--wait=${wait}`, "--timeout=150s"], {
      timeoutMs: CLEAN_UP_MS,
    });
  }

  /** A program in the pod's container: what it printed, without the last newline. Throws where it fails. */
  async exec(pod: string, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    this.note(`in ${pod}: ${argv.filter((word) => !word.includes("\n")).join(" ")}`);
    return this.phase("in the pod", async () => {
      const printed = await this.kubectl.run(["exec", pod, ...this.#here, "--", ...argv], options);
      return printed.trimEnd();
    });
  }

  tryExec(pod: string, argv: readonly string[]): Promise<Outcome> {
    return this.phase("in the pod", () => this.kubectl.try(["exec", pod, ...this.#here, "--", ...argv]));
  }

  /** The API server keeps connections to kubelets: of a node that lost its power, the next use of one is reset. */
  async logs(pod: string): Promise<string> {
    const words = ["logs", pod, ...this.#here];
    const first = await this.kubectl.try(words);
    if (first.code === 0) return first.stdout;
    if (!first.stderr.includes("connection reset by peer")) throw new CommandError(words.join(" "), first);
    return this.kubectl.run(words);
  }

  get #here(): readonly string[] {
    return [`--namespace=${this.namespace}`];
  }
}

/** The one way in which a check fails. */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
