/** Clients that connect and then do not behave. */
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";

export interface OpenConnections {
  close(): Promise<void>;
}

const ignore = (): void => undefined;

/** Calls that send their head and a few bytes of a message, and then nothing. */
export async function halfOpen(
  socket: string,
  how: { readonly connections: number; readonly streams: number; readonly paths: readonly string[] },
): Promise<OpenConnections> {
  const sessions: ClientHttp2Session[] = [];
  for (let count = 0; count < how.connections; count += 1) {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
    session.on("error", ignore);
    await once(session, "connect");
    for (let stream = 0; stream < how.streams; stream += 1)
      begin(session, how.paths[(count + stream) % how.paths.length] ?? "/", stream);
    sessions.push(session);
  }
  return {
    close: async () => {
      for (const session of sessions) {
        const closed = once(session, "close");
        session.destroy();
        await closed;
      }
    },
  };
}

function begin(session: ClientHttp2Session, path: string, number: number): ClientHttp2Stream {
  const stream = session.request(
    { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    { endStream: false },
  );
  stream.on("error", ignore);
  // A frame of gRPC says how long its message is; it never comes, or only half of it.
  if (number % 2 === 0) stream.write(Buffer.from([0, 0, 0, 16, 0, 0x0a]));
  return stream;
}

const GREETINGS = ["", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0".repeat(5000)];

/** Connections that speak no HTTP/2, or stop after its first words. */
export async function flood(
  socket: string,
  { connections }: { readonly connections: number },
): Promise<OpenConnections> {
  const sockets: Socket[] = [];
  for (let count = 0; count < connections; count += 1) {
    const each = connect(socket);
    each.on("error", ignore).resume();
    await once(each, "connect");
    each.write(GREETINGS[count % GREETINGS.length] ?? "");
    sockets.push(each);
  }
  return {
    close: async () => {
      for (const each of sockets) each.destroy();
    },
  };
}
