/** Entry of a catalog's worker thread: answers one call after the other, in the order they came. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { messageOf, ParseError, PoolSetupError } from "../core/errors.ts";
import { closeCatalogFile, createCatalogFile, openCatalogFile } from "./catalog-file.ts";
import type { CatalogCall, CatalogFailure, CatalogReply, CatalogWorkerData } from "./catalog-protocol.ts";
import { CatalogStore } from "./catalog-store.ts";
import { isTaken, primaryCode, SQLITE } from "./sqlite-error.ts";

/** The client counts the opening as its first call. */
const OPENING = 0;

function open(data: CatalogWorkerData): DatabaseSync {
  if (data.create !== undefined) createCatalogFile(data.path, data.create);
  return openCatalogFile(data.path);
}

function perform(database: DatabaseSync, store: CatalogStore, message: CatalogCall): CatalogReply {
  const { call } = message;
  switch (message.kind) {
    case "load":
      return { call, kind: "done", content: store.load() };
    case "commit":
      store.commit(message.changes);
      return { call, kind: "done" };
    case "close":
      closeCatalogFile(database);
      return { call, kind: "done" };
  }
}

/** Of a call; values that SQLite or its binding refuses change nothing. */
function failureOf(error: unknown): CatalogFailure {
  const message = messageOf(error);
  if (isTaken(error)) return { kind: "taken", message };
  if (error instanceof PoolSetupError || error instanceof ParseError) return { kind: "setup", message };
  const code = primaryCode(error);
  return { kind: code === undefined || code === SQLITE.constraint ? "refused" : "fatal", message };
}

/** Of the opening: what is not the disk is the set-up. */
function openingFailureOf(error: unknown): CatalogFailure {
  const kind = primaryCode(error) === undefined ? "setup" : "fatal";
  return { kind, message: messageOf(error) };
}

function letGo(database: DatabaseSync): void {
  try {
    database.close();
  } catch {
    // The disk that failed the call may fail this too; the lock ends with the thread.
  }
}

function serve(port: MessagePort, data: CatalogWorkerData): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- to a thread, not to a window
  const reply = (message: CatalogReply) => port.postMessage(message);
  let database: DatabaseSync;
  try {
    database = open(data);
  } catch (error) {
    return reply({ call: OPENING, kind: "failed", failure: openingFailureOf(error) });
  }
  const store = new CatalogStore(database);
  port.on("message", (message: CatalogCall) => {
    try {
      reply(perform(database, store, message));
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === "fatal") letGo(database);
      reply({ call: message.call, kind: "failed", failure });
    }
  });
  reply({ call: OPENING, kind: "done" });
}

if (parentPort === null) throw new RangeError("catalog-worker.ts runs as a worker thread only");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- catalog.ts makes it of this type
serve(parentPort, workerData as CatalogWorkerData);
