/**
 * The controller's end of one node: a channel for calls, and the stream of reports over it. The stream tells more than
 * the channel: as long as it is fresh, the node is there, is who it should be, and its pools are known.
 */
import { Client, Metadata, status, type ChannelCredentials, type ServiceError } from "@grpc/grpc-js";
import { messageOf, OutcomeUnknownError, PoolUnavailableError } from "../core/errors.ts";
import { topologyValue } from "../core/topology.ts";
import { PassedOnError } from "../csi/status.ts";
import { ANSWERED_BY } from "../csi/unary.ts";
import type { NodeState__Output } from "../generated/dmthin.ts";
import type { Log } from "../log.ts";
import { loadNodeLink, NAME_TOKEN } from "./contract.ts";
import { NAMED_BY_URI } from "./identity.ts";
import { nodeView, type NodeView } from "./node-view.ts";

/** How long a caller waits; `CallInfo` is one. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** The caller's half of a method. */
export interface CalledMethod<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface ConnectionOptions {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** Of the cluster; absent: it has none. */
  readonly clusterUid?: string;
  /** Must make sure that the other end is this node. */
  readonly credentials: ChannelCredentials;
  readonly log: Log;
  /** Told when `view` has come, gone or changed. */
  readonly changed: () => void;
}

/** Between two tries to follow a node; nodes that went together do not come back together. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** A message that is late once may be on its way. */
const MISSED_HEARTBEATS = 2.5;

const LONGEST_PROBLEM = 1024;

const CHANNEL = {
  ...NAMED_BY_URI,
  // A peer that is gone without a word is noticed after 15 s, calls or not.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": FIRST_PAUSE_MS,
  "grpc.max_reconnect_backoff_ms": LONGEST_PAUSE_MS,
  // Callers retry, and know what may be repeated.
  "grpc.enable_retries": 0,
  // Two nodes that have had one address must never share a connection.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
  // Nobody reads it, and of what a connection keeps in memory it is a fifth.
  "grpc.enable_channelz": 0,
  "grpc.service_config_disable_resolution": 1,
};

export class NodeConnection {
  readonly name: string;
  readonly address: string;
  /** Value of the topology label: by the name, whatever the node says. */
  readonly topology: string;
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #link = loadNodeLink();
  #view: NodeView | undefined;
  #last: NodeView | undefined;
  #problem = "it is being connected to";
  #pause = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #stop: (() => void) | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    const { name, address, credentials } = options;
    this.name = name;
    this.address = address;
    this.topology = topologyValue(name);
    this.#options = options;
    this.#client = new Client(address, credentials, CHANNEL);
    this.#follow();
  }

  /** What the node has, as long as it is there and knows that itself. */
  get view(): NodeView | undefined {
    return this.#view?.opened === true ? this.#view : undefined;
  }

  /** What it had when it was last heard of. */
  get last(): NodeView | undefined {
    return this.#last;
  }

  /** Why there is no `view`. */
  get problem(): string {
    return this.#view === undefined ? this.#problem : "its pools are being opened";
  }

  /**
   * One call. Rejects with PassedOnError where the node answered so itself; with OutcomeUnknownError where the answer got
   * lost: a transport's INTERNAL or RESOURCE_EXHAUSTED must not read as "nothing was begun". `nameToken`: of a create, as the
   * node gave it when it was asked for the name.
   */
  call<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    { signal, deadline }: Waiting,
    nameToken?: string,
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    if (this.#closed || signal.aborted) {
      reject(new OutcomeUnknownError(`node ${this.name} is not asked any more`));
      return promise;
    }
    const { path, requestSerialize, responseDeserialize } = method;
    const done = (error: ServiceError | null, response?: Response): void => {
      signal.removeEventListener("abort", cancel);
      if (error === null && response !== undefined) resolve(response);
      else reject(this.#problemOf(error));
    };
    const metadata = new Metadata();
    if (nameToken !== undefined) metadata.set(NAME_TOKEN, nameToken);
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline },
      done,
    );
    // Ends the answer only: what the node has begun it ends, and a retry joins it.
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    return promise;
  }

  /** Calls under way end as CANCELLED. */
  close(): void {
    this.#closed = true;
    this.#stop?.();
    clearTimeout(this.#timer);
    this.#client.close();
  }

  #problemOf(error: ServiceError | null): Error {
    if (error === null) return new OutcomeUnknownError(`node ${this.name}: an answer without content`);
    const { code, details } = error;
    const answered = error.metadata?.get(ANSWERED_BY).includes(encodeURIComponent(this.name)) ?? false;
    if (answered || code === status.DEADLINE_EXCEEDED || code === status.CANCELLED)
      return new PassedOnError({ code, message: details });
    return new OutcomeUnknownError(`node ${this.name} (${this.address}): ${details}; retry`);
  }

  #follow(): void {
    const { path, requestSerialize, responseDeserialize } = this.#link.Follow;
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      cluster_uid: this.#options.clusterUid ?? "",
    });
    let silence: NodeJS.Timeout | undefined;
    const end = (problem: string): void => {
      if (this.#stop !== stop) return;
      this.#stop = undefined;
      clearTimeout(silence);
      stream.cancel();
      this.#lose(problem);
    };
    const stop = (): void => end("it is not followed any more");
    this.#stop = stop;
    stream.on("data", (state: NodeState__Output) => {
      if (this.#stop !== stop) return;
      try {
        const view = nodeView(this.name, state);
        clearTimeout(silence);
        silence = setTimeout(() => end("it is silent"), view.heartbeatMs * MISSED_HEARTBEATS).unref();
        this.#take(view);
      } catch (error) {
        end(messageOf(error));
      }
    });
    stream.on("error", (error: ServiceError) => end(withoutTimes(error.details)));
    stream.on("end", () => end("it has ended"));
  }

  #take(view: NodeView): void {
    if (this.#view === undefined)
      this.#options.log.info(
        { node: this.name, address: this.address, version: view.version },
        "node is there",
      );
    this.#view = view;
    this.#last = view;
    this.#pause = FIRST_PAUSE_MS;
    this.#options.changed();
  }

  #lose(text: string): void {
    // It may be in a node's own words.
    const problem = text.slice(0, LONGEST_PROBLEM);
    // One line when it goes, and one when the reason changes; not one for each try.
    if (!this.#closed && (this.#view !== undefined || problem !== this.#problem))
      this.#options.log.warn({ node: this.name, address: this.address, problem }, "node is away");
    const had = this.#view !== undefined;
    this.#view = undefined;
    this.#problem = problem;
    if (had) this.#options.changed();
    if (this.#closed) return;
    const pause = this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => this.#follow(), pause).unref();
  }
}

/** grpc-js says when it failed; the same failure again must read the same. */
const withoutTimes = (text: string): string => text.replaceAll(/ ?\(?\d{4}-\d\d-\d\dT[\d:.]+Z\)?/g, "");

/** For the caller of an object that is on a node which is away. */
export const awayError = ({
  name,
  problem,
}: Pick<NodeConnection, "name" | "problem">): PoolUnavailableError =>
  new PoolUnavailableError(`node ${name} does not answer: ${problem}; retry`);
