/** A node that answers FindNames when a test tells it to, and is asked nothing else. Messages pass through their wire form. */
import { topologyValue } from "../../src/core/topology.ts";
import type { FindNamesRequest__Output, FindNamesResponse } from "../../src/generated/dmthin.ts";
import type { CalledMethod, Waiting } from "../../src/route/connection.ts";
import { loadNodeLink } from "../../src/route/contract.ts";
import type { FleetNode } from "../../src/route/fleet.ts";
import type { NodeView } from "../../src/route/node-view.ts";

export interface NamesCall extends Waiting {
  readonly names: readonly string[];
  readonly kind: FindNamesRequest__Output["kind"];
  answer(response: FindNamesResponse): void;
  fail(error: Error): void;
}

export class AskedNode implements FleetNode {
  readonly name: string;
  readonly topology: string;
  readonly calls: NamesCall[] = [];
  view: NodeView | undefined = {
    version: "1.2.3",
    opened: true,
    pools: [],
    absent: [],
    versions: { kernel: "", thinPoolTarget: "", poolFormat: 0 },
    damaged: [],
    heartbeatMs: 1000,
  };
  readonly last = undefined;
  readonly problem = "it is switched off";

  constructor(name: string) {
    this.name = name;
    this.topology = topologyValue(name);
  }

  call<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    waiting: Waiting,
  ): Promise<Response> {
    const { FindNames } = loadNodeLink();
    const { names, kind } = FindNames.requestDeserialize(method.requestSerialize(request));
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    waiting.signal.addEventListener("abort", () => reject(new Error("cancelled")));
    this.calls.push({
      ...waiting,
      names,
      kind,
      answer: (response) => resolve(method.responseDeserialize(FindNames.responseSerialize(response))),
      fail: (error) => reject(error),
    });
    return promise;
  }
}
