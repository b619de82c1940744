/** Ways in which a caller stops to wait for its answer. */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { Caller, type RawAnswer } from "../fuzz/caller.ts";

export const CUTS = ["deadline", "cancel", "connection"] as const;
export type Cut = (typeof CUTS)[number];

export interface CutCall {
  readonly path: string;
  readonly bytes: Buffer;
  /** Of the driver. */
  readonly socket: string;
  readonly afterMs: number;
}

/** The answer that the caller is left with. */
export async function callAndCut(cut: Cut, call: CutCall): Promise<RawAnswer> {
  switch (cut) {
    case "deadline":
      return withCaller(call.socket, (caller) => caller.start(call.path, call.bytes, call.afterMs).answer);
    case "cancel":
      return withCaller(call.socket, async (caller) => {
        const begun = caller.start(call.path, call.bytes);
        await Promise.race([begun.answer, sleep(call.afterMs)]);
        begun.cancel();
        return begun.answer;
      });
    case "connection":
      return overCutConnection(call);
  }
}

async function withCaller<T>(socket: string, use: (caller: Caller) => Promise<T>): Promise<T> {
  const caller = new Caller(`unix://${socket}`);
  try {
    return await use(caller);
  } finally {
    caller.close();
  }
}

/** Through a socket in between, which closes all that it holds. */
async function overCutConnection({ path, bytes, socket, afterMs }: CutCall): Promise<RawAnswer> {
  const between = `${socket}.between`;
  const held: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(socket);
    held.push(near, far);
    for (const each of [near, far]) each.on("error", () => undefined);
    near.pipe(far).pipe(near);
  });
  await once(server.listen(between), "listening");
  try {
    return await withCaller(between, async (caller) => {
      const { answer } = caller.start(path, bytes);
      await Promise.race([answer, sleep(afterMs)]);
      for (const each of held) each.destroy();
      return answer;
    });
  } finally {
    server.close();
    await rm(between, { force: true });
  }
}
