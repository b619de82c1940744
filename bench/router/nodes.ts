/** The bench's end of simulated.ts. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { RosterNode } from "../../src/route/roster.ts";
import type { NodesAnswer, NodesCommand } from "./simulated.ts";

export interface Nodes {
  readonly count: number;
  readonly roster: readonly RosterNode[];
  /** How often they have answered FindNames, all together. */
  questions(): Promise<number>;
  /** All tell that they have so many bytes of room for a volume. Resolves before the router has heard it. */
  report(room: bigint): Promise<void>;
  stop(): Promise<void>;
}

/** `volumes`: of each. */
export async function startNodes(count: number, volumes: number): Promise<Nodes> {
  const child = fork(join(import.meta.dirname, "simulated.ts"), [String(count), String(volumes)]);
  const answer = async (): Promise<NodesAnswer> => {
    const [message] = (await once(child, "message")) as [NodesAnswer];
    return message;
  };
  const ask = (command: NodesCommand): Promise<NodesAnswer> => {
    child.send(command);
    return answer();
  };
  const { ports } = await answer();
  return {
    count,
    roster: ports.map((port, index) => ({ name: `node-${index}`, address: `127.0.0.1:${port}` })),
    questions: async () => (await ask({ kind: "count" })).questions,
    report: async (room) => {
      await ask({ kind: "report", room: String(room) });
    },
    stop: async () => {
      child.disconnect();
      await once(child, "exit");
    },
  };
}
