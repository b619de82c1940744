import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FindNamesRequest } from "../../../src/generated/dmthin.ts";
import { loadNodeLink, LONGEST_ASKER, MOST_NAMES } from "../../../src/route/contract.ts";
import { startTwoNodes, type TwoNodes } from "../../support/two-nodes.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let bench: TwoNodes;
beforeEach(async () => {
  bench = await startTwoNodes();
});
afterEach(() => bench.stop());

async function find(changes: FindNamesRequest) {
  const [node] = bench.router.fleet.nodes;
  const waiting = { signal: new AbortController().signal, deadline: Date.now() + 10_000 };
  const request: FindNamesRequest = { kind: "VOLUME", names: ["n"], asker: "a controller", ...changes };
  return node?.call(loadNodeLink().FindNames, request, waiting);
}
const many = (count: number) => Array.from({ length: count }, (_, index) => `pvc-${index}`);

test.each<[string, FindNamesRequest]>([
  // Two bytes each.
  ["names", { names: ["n", "ä".repeat(64) + "n"] }],
  ["names", { names: [""] }],
  ["names", { names: many(MOST_NAMES + 1) }],
  ["asker", { asker: "ä".repeat(LONGEST_ASKER / 2) + "n" }],
  ["kind", { kind: "UNKNOWN" }],
])("a question is refused by its %s", async (field, changes) => {
  await expect(find(changes)).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    message: expect.stringMatching(`^${field}:`) as unknown,
  });
});

test("the longest that there may be is answered", async () => {
  const longest = { names: [...many(MOST_NAMES - 1), "n".repeat(128)], asker: "n".repeat(LONGEST_ASKER) };
  expect(await find(longest)).toMatchObject({ found: [], held: [] });
});
