import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";

/** A TCP relay to a port of this machine, which can be cut, or fall silent as a machine that lost its power. */
export interface CutWire {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Ends all connections; new ones are taken. */
  cut(): void;
  /** From now on nothing passes, in either direction, and nobody is told. */
  freeze(): void;
  close(): Promise<void>;
}

export async function wireTo(port: number): Promise<CutWire> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      // As gRPC's own sockets: each small frame at once.
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        if (!frozen) to.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        if (!frozen) to.destroy();
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
  return {
    address: `127.0.0.1:${listening.port}`,
    cut,
    freeze: () => {
      frozen = true;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
