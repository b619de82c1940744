/** The guard's socket: who may connect, what each line does, and when the guard may end. */
import { mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { dirname } from "node:path";

import { EnvironmentError } from "../core/errors.ts";
import { GuardBrackets } from "./guard-brackets.ts";
import type { GuardEffects, Watch } from "./guard-brackets.ts";
import { formatLine, MAX_LINE, parseRequest } from "./guard-protocol.ts";
import type { GuardReply, GuardRequest } from "./guard-protocol.ts";
import { LineSplitter } from "./lines.ts";

export interface GuardServerOptions {
  readonly socket: string;
  readonly effects: GuardEffects;
  /** End by itself when nobody has been connected and nothing armed for this long; absent: never. */
  readonly lingerMs?: number;
  /** How long, and how often, devices are looked at after they were resumed. */
  readonly watch?: Watch;
}

export interface GuardServer {
  /** Ends it, at once or when the last armed bracket is over; until then it goes on serving, but arms nothing new. */
  end(): void;
  /** Resolves when it has ended and its socket is gone. */
  readonly ended: Promise<void>;
}

/** Resolves when it listens. EnvironmentError where another guard does so already. */
export async function startGuardServer(options: GuardServerOptions): Promise<GuardServer> {
  await clearStaleSocket(options.socket);
  const guard = new Guard(options);
  await guard.listening;
  return guard;
}

class Guard implements GuardServer {
  readonly ended: Promise<void>;
  readonly listening: Promise<void>;
  readonly #brackets: GuardBrackets;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #lingerMs: number | undefined;
  #linger: NodeJS.Timeout | undefined;
  #ending = false;

  constructor(options: GuardServerOptions) {
    this.#lingerMs = options.lingerMs;
    this.#brackets = new GuardBrackets(options.effects, () => this.#settle(), options.watch);
    const listening = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.once("listening", listening.resolve).once("error", listening.reject);
    this.#server.once("close", ended.resolve);
    listenPrivately(this.#server, options.socket);
    this.#settle();
  }

  end(): void {
    this.#ending = true;
    this.#settle();
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    clearTimeout(this.#linger);
    const lines = new LineSplitter(MAX_LINE);
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      for (const request of lines.push(piece)?.map(parseRequest) ?? [undefined]) {
        if (request === undefined) socket.destroy();
        // What stands behind a malformed line would be armed for nobody.
        else if (!socket.destroyed) void this.#serve(socket, request);
      }
    });
    // "error" is followed by "close"; "end" comes first where the peer died with data of ours unread.
    socket.on("error", () => undefined);
    socket.on("end", () => this.#brackets.drop(socket));
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#brackets.drop(socket);
      this.#settle();
    });
  }

  async #serve(socket: Socket, request: GuardRequest): Promise<void> {
    const reply = await this.#answer(socket, request);
    if (!socket.destroyed) socket.write(formatLine(reply));
  }

  #answer(socket: Socket, request: GuardRequest): GuardReply | Promise<GuardReply> {
    if ("disarm" in request) return this.#brackets.disarm(socket, request.disarm);
    if ("fire" in request) return this.#brackets.fire(socket, request.fire);
    if (this.#ending) return { refused: request.arm.id, reason: "the guard is ending" };
    return this.#brackets.arm(socket, request.arm);
  }

  /** Ends the guard where nothing keeps it. */
  #settle(): void {
    clearTimeout(this.#linger);
    if (this.#brackets.active > 0) return;
    if (this.#ending) return this.#close();
    if (this.#brackets.watched > 0) return;
    if (this.#lingerMs !== undefined && this.#connections.size === 0) {
      this.#linger = setTimeout(() => this.end(), this.#lingerMs);
    }
  }

  #close(): void {
    if (this.#server.listening) this.#server.close();
    // The answer that ended the last bracket is still to be written.
    setImmediate(() => {
      for (const socket of this.#connections) socket.destroySoon();
    });
  }
}

/** Mode 0600 from the first moment: the umask is the only thing that acts before the socket can be connected to. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(0o177);
  try {
    server.listen(path); // binds before it returns
  } finally {
    process.umask(before);
  }
}

async function clearStaleSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const outcome = await probe(path);
  if (outcome === "answered") {
    throw new EnvironmentError(
      `another resume guard listens on ${path}; end it, or give this one another socket`,
    );
  }
  if (outcome === "ECONNREFUSED") rmSync(path);
}

function probe(path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(path);
  socket.once("connect", () => resolve("answered"));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  return promise.finally(() => socket.destroy());
}
