import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OperationPendingError } from "../../../src/core/errors.ts";
import { LEASE_MS, LONGEST_WAY_MS, NameLeases } from "../../../src/route/name-leases.ts";

let leases: NameLeases;
let now: number;
beforeEach(() => {
  leases = new NameLeases();
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());
const refusal = (token: string | undefined, key = "n") => expect(() => leases.require(key, token));

describe("a name", () => {
  test("is given by who asked last, with what he was told then", () => {
    const first = leases.take(["n", "m"], "one");
    const second = leases.take(["n"], "one");
    refusal(first.token).toThrow(OperationPendingError);
    leases.require("m", first.token);
    leases.require("n", second.token);
    refusal("").toThrow(OperationPendingError);
    refusal(second.token, "never asked for").toThrow(OperationPendingError);
  });

  test("is kept for who asked, and is another's only after a while", () => {
    const { token } = leases.take(["n"], "one");
    now += LEASE_MS - 1;
    expect(leases.take(["n", "m"], "other").held).toEqual(["n"]);
    leases.require("n", token);
    now += 1;
    expect(leases.take(["n"], "other").held).toEqual([]);
    refusal(token).toThrow(OperationPendingError);
  });

  test("that only somebody without a name asks for is nobody's", () => {
    expect(leases.take(["n"], "")).toEqual({ held: [], token: "" });
    leases.require("n", undefined);
    const { token } = leases.take(["n"], "one");
    expect(leases.take(["n"], "")).toEqual({ held: ["n"], token: "" });
    refusal(undefined).toThrow(OperationPendingError);
    leases.require("n", token);
    now += LEASE_MS;
    leases.require("n", undefined);
  });

  test("is forgotten when no create of it can be under way any more", () => {
    const { token } = leases.take(["n"], "one");
    now += LONGEST_WAY_MS;
    refusal(token).toThrow(OperationPendingError);
  });

  test("is forgotten for newer ones, and then not given", () => {
    const { token } = leases.take(["n"], "one");
    const many = (round: number) => Array.from({ length: 1000 }, (_, index) => `${round}-${index}`);
    for (let round = 0; round < 10; round += 1) leases.take(many(round), "one");
    refusal(token).toThrow(OperationPendingError);
  });
});

/** All orders of the steps of two, each of whom keeps his own. */
function* merged<Step>(one: readonly Step[], other: readonly Step[]): Generator<readonly Step[]> {
  const [first, ...rest] = one;
  const [second, ...others] = other;
  if (first === undefined || second === undefined) {
    yield [...one, ...other];
    return;
  }
  for (const order of merged(rest, other)) yield [first, ...order];
  for (const order of merged(one, others)) yield [second, ...order];
}

test("two controllers, in whatever order their calls arrive, never give one name on two nodes", () => {
  const questions = [
    ["x", "y"],
    ["y", "x"],
  ] as const;
  let orders = 0;
  let given = 0;
  for (const mine of questions) {
    for (const its of questions) {
      const one = [...mine.map((node) => ["one", "ask", node] as const), ["one", "create", "x"] as const];
      const other = [
        ...its.map((node) => ["other", "ask", node] as const),
        ["other", "create", "y"] as const,
      ];
      for (const order of merged<readonly [string, "ask" | "create", "x" | "y"]>(one, other)) {
        const nodes = { x: new NameLeases(), y: new NameLeases() };
        const volumes: string[] = [];
        const tokens = new Map<string, string>();
        const lost = new Set<string>();
        for (const [who, what, node] of order) {
          if (what === "ask") {
            const { held, token } = nodes[node].take(["n"], who);
            tokens.set(`${who} ${node}`, token);
            if (held.length > 0 || volumes.includes(node)) lost.add(who);
          } else if (!lost.has(who)) {
            try {
              nodes[node].require("n", tokens.get(`${who} ${node}`));
              volumes.push(node);
            } catch {}
          }
        }
        expect(volumes.length, order.join("; ")).toBeLessThan(2);
        orders += 1;
        given += volumes.length;
      }
    }
  }
  expect([orders, given > 0]).toEqual([80, true]);
});
