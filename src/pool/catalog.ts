/**
 * The catalog of one pool, as the driver's main thread sees it. SQLite runs in a worker of its own, because
 * `node:sqlite` blocks its thread and a dying disk may block it for ever: that stops this pool and nothing else.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import {
  IncompatibleExistingError,
  OutcomeUnknownError,
  PoolSetupError,
  PoolUnavailableError,
} from "../core/errors.ts";
import type { CatalogContent, Change, PoolRecord } from "../core/records.ts";
import type { CatalogCall, CatalogFailure, CatalogReply, CatalogWorkerData } from "./catalog-protocol.ts";

export interface Catalog {
  /** Everything that is recorded. PoolSetupError where a row is not what this version writes. */
  load(): Promise<CatalogContent>;
  /**
   * One transaction; resolves when it is on the disk. IncompatibleExistingError: a name or thin id is taken by another
   * record. RangeError: a value breaks the schema. After these two nothing was changed.
   */
  commit(changes: readonly Change[]): Promise<void>;
  /** Ends the worker; resolves within two deadlines also when the disk is stuck. May be repeated. */
  close(): Promise<void>;
}

export interface CatalogOptions {
  /**
   * For each call, counted from the moment it is made. A call that passes it rejects with OutcomeUnknownError (reads:
   * PoolUnavailableError), as does one on which the disk fails; from then on the catalog is frozen and every call is a
   * PoolUnavailableError until it is opened again.
   */
  readonly deadlineMs: number;
  /** Makes the catalog with this first record where no file exists. An existing catalog wins: compare what `load` says. */
  readonly create?: PoolRecord;
}

interface Pending {
  readonly kind: "open" | CatalogCall["kind"];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (content: CatalogContent | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** A catalog from the moment its thread is started. */
export interface StartedCatalog {
  /**
   * Rejects with PoolSetupError where the file does not exist (and `create` is absent), is of a newer dmthin, is damaged,
   * is not a catalog, or is open elsewhere; with PoolUnavailableError where its disk fails.
   */
  readonly opened: Promise<Catalog>;
  /** Closes it, opened or not, and resolves when its thread is gone and its files are free: with a stuck disk perhaps never. */
  end(): Promise<void>;
}

/** Begins to open the catalog at `path`, a file on the pool's own disk. */
export function startCatalog(path: string, options: CatalogOptions): StartedCatalog {
  const client = new CatalogClient(path, options);
  return {
    opened: client.opened.then(() => client),
    end: async () => {
      await client.close();
      await client.gone;
    },
  };
}

/** As `startCatalog`, where nobody opens it again in this process. */
export async function openCatalog(path: string, options: CatalogOptions): Promise<Catalog> {
  const started = startCatalog(path, options);
  try {
    return await started.opened;
  } catch (error) {
    void started.end();
    throw error;
  }
}

class CatalogClient implements Catalog {
  readonly opened: Promise<unknown>;
  /** Resolves when the thread has ended. */
  readonly gone: Promise<void>;
  readonly #path: string;
  readonly #deadlineMs: number;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** Why no call is taken any more. */
  #frozen: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(path: string, options: CatalogOptions) {
    this.#path = path;
    this.#deadlineMs = options.deadlineMs;
    const workerData: CatalogWorkerData =
      options.create === undefined ? { path } : { path, create: options.create };
    this.#worker = new Worker(new URL(`catalog-worker${extname(import.meta.filename)}`, import.meta.url), {
      workerData,
      name: "catalog",
      execArgv: [],
      // Records are small; without a limit V8 sizes each worker's heap for the whole machine.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 },
    });
    this.#worker.on("message", (reply: CatalogReply) => this.#settle(reply));
    this.#worker.on("error", (error: Error) => this.#freeze(`its worker failed: ${error.message}`));
    const gone = Promise.withResolvers<void>();
    this.gone = gone.promise;
    this.#worker.on("exit", () => {
      this.#freeze("its worker has ended");
      gone.resolve();
    });
    this.#worker.unref();
    this.opened = this.#expect("open");
  }

  async load(): Promise<CatalogContent> {
    const content = await this.#call((call) => ({ call, kind: "load" }));
    if (content === undefined)
      throw new PoolUnavailableError(`catalog ${this.#path}: its worker sent no content`);
    return content;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await this.#call((call) => ({ call, kind: "commit", changes }));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#frozen === undefined) {
      const flushed = this.#call((call) => ({ call, kind: "close" }));
      this.#frozen = "it is closed";
      await flushed.catch(() => undefined);
    }
    await this.#terminate();
  }

  /** A thread inside the kernel on a dead disk does not end before the disk answers: not waited for here. */
  async #terminate(): Promise<void> {
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#deadlineMs);
    await Promise.race([this.#worker.terminate(), expired]);
    clearTimeout(timer);
  }

  #call(make: (call: number) => CatalogCall): Promise<CatalogContent | undefined> {
    if (this.#frozen !== undefined) {
      return Promise.reject(new PoolUnavailableError(`catalog ${this.#path}: ${this.#frozen}`));
    }
    const message = make(this.#calls);
    const result = this.#expect(message.kind);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- to a thread, not to a window
    this.#worker.postMessage(message);
    return result;
  }

  #expect(kind: Pending["kind"]): Promise<CatalogContent | undefined> {
    const call = this.#calls++;
    const { promise, resolve, reject } = Promise.withResolvers<CatalogContent | undefined>();
    const timer = setTimeout(
      () => this.#freeze(`no answer to ${kind} within ${this.#deadlineMs} ms; its disk may be stuck`),
      this.#deadlineMs,
    );
    this.#pending.set(call, { kind, timer, resolve, reject });
    return promise;
  }

  #settle(reply: CatalogReply): void {
    const pending = this.#pending.get(reply.call);
    if (pending === undefined) return; // its deadline has passed
    if (reply.kind === "failed" && reply.failure.kind === "fatal") return this.#freeze(reply.failure.message);
    this.#pending.delete(reply.call);
    clearTimeout(pending.timer);
    if (reply.kind === "done") pending.resolve(reply.content);
    else pending.reject(this.#failure(reply.failure));
  }

  #failure(failure: CatalogFailure): Error {
    const text = `catalog ${this.#path}: ${failure.message}`;
    if (failure.kind === "taken") return new IncompatibleExistingError(text);
    return failure.kind === "refused" ? new RangeError(text) : new PoolSetupError(text);
  }

  /** Whatever was under way has an unknown outcome, and nothing is taken any more. */
  #freeze(reason: string): void {
    this.#frozen ??= `${reason}; the pool is frozen until it is opened again`;
    for (const { kind, timer, reject } of this.#pending.values()) {
      clearTimeout(timer);
      const text = `catalog ${this.#path}: ${kind} failed: ${reason}`;
      reject(kind === "commit" ? new OutcomeUnknownError(text) : new PoolUnavailableError(text));
    }
    this.#pending.clear();
    void this.#worker.terminate();
  }
}
