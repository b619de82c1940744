import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";

/** A TCP relay to a port of this machine, which can be cut, be late, or fall silent as a machine that lost its power. */
export interface CutWire {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Ends all connections; new ones are taken. */
  cut(): void;
  /** From now on nothing passes, in either direction, and nobody is told. */
  freeze(): void;
  /**
   * From now on what the connections of this moment are sent is kept, and so are their far ends, whatever becomes of the near
   * ones: packets that are under way. Later connections are as before.
   */
  delay(): Delayed;
  close(): Promise<void>;
}

export interface Delayed {
  /** Bytes that are kept. */
  size(): number;
  /** All of it arrives. */
  arrive(): void;
}

export async function wireTo(port: number): Promise<CutWire> {
  const sockets = new Set<Socket>();
  /** Near ends, with what they have sent that is kept. */
  const kept = new Map<Socket, Buffer[]>();
  const ends = new Map<Socket, Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    ends.set(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      // As gRPC's own sockets: each small frame at once.
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        const late = kept.get(from);
        if (late !== undefined) late.push(bytes);
        else if (!frozen) to.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        ends.delete(from);
        if (!frozen && !kept.has(from)) to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const listening = server.address();
  if (listening === null || typeof listening === "string") throw new Error("no port");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const delay = (): Delayed => {
    const late = [...ends].map(([near, far]) => {
      const bytes: Buffer[] = [];
      kept.set(near, bytes);
      // Not cut with the others.
      sockets.delete(far);
      return { far, bytes };
    });
    return {
      size: () => late.reduce((sum, { bytes }) => sum + Buffer.concat(bytes).length, 0),
      arrive: () => {
        for (const { far, bytes } of late) {
          sockets.add(far);
          for (const each of bytes) far.write(each);
        }
      },
    };
  };
  return {
    address: `127.0.0.1:${listening.port}`,
    cut,
    freeze: () => {
      frozen = true;
    },
    delay,
    close: async () => {
      for (const far of ends.values()) far.destroy();
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
