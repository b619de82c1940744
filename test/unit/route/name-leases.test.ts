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
/** Whether a create with that token may begin. */
function lets(token: string | undefined, key = "n", by = leases): boolean {
  try {
    by.require(key, token);
    return true;
  } catch (error) {
    if (error instanceof OperationPendingError) return false;
    throw error;
  }
}

describe("a name", () => {
  test("is given by who asked last, with what he was told then", () => {
    const first = leases.take(["n", "m"], "one");
    const second = leases.take(["n"], "one");
    expect(lets(first.token)).toBe(false);
    expect(lets(first.token, "m")).toBe(true);
    expect(lets(second.token)).toBe(true);
    expect(lets("")).toBe(false);
    expect(lets(second.token, "never asked for")).toBe(false);
  });

  test("is kept for who asked, and is another's only after a while", () => {
    const { token } = leases.take(["n"], "one");
    now += LEASE_MS - 1;
    expect(leases.take(["n", "m"], "other").held).toEqual(["n"]);
    expect(lets(token)).toBe(true);
    now += 1;
    expect(leases.take(["n"], "other").held).toEqual([]);
    expect(lets(token)).toBe(false);
  });

  test("that only somebody without a name asks for is nobody's", () => {
    expect(leases.take(["n"], "")).toEqual({ held: [], token: "" });
    expect(lets(undefined)).toBe(true);
    const { token } = leases.take(["n"], "one");
    expect(leases.take(["n"], "")).toEqual({ held: ["n"], token: "" });
    expect(lets(undefined)).toBe(false);
    expect(lets(token)).toBe(true);
    now += LEASE_MS;
    expect(lets(undefined)).toBe(true);
  });

  test("is forgotten when no create of it can be under way any more", () => {
    const { token } = leases.take(["n"], "one");
    now += LONGEST_WAY_MS;
    expect(lets(token)).toBe(false);
  });

  test("is forgotten for newer ones, and then not given", () => {
    const { token } = leases.take(["n"], "one");
    const many = (round: number) => Array.from({ length: 1000 }, (_, index) => `${round}-${index}`);
    for (let round = 0; round < 10; round += 1) leases.take(many(round), "one");
    expect(lets(token)).toBe(false);
  });
});

type Step = readonly ["one" | "other", "ask" | "create", "x" | "y"];

/** All orders of the steps of two, each of whom keeps his own. */
function* merged(one: readonly Step[], other: readonly Step[]): Generator<readonly Step[]> {
  const [first, ...rest] = one;
  const [second, ...others] = other;
  if (first === undefined || second === undefined) {
    yield [...one, ...other];
    return;
  }
  for (const order of merged(rest, other)) yield [first, ...order];
  for (const order of merged(one, others)) yield [second, ...order];
}

/** The nodes that make something, when calls arrive in this order. */
function madeBy(order: readonly Step[]): readonly string[] {
  const nodes = { x: new NameLeases(), y: new NameLeases() };
  const made: string[] = [];
  const tokens = new Map<string, string>();
  const gaveUp = new Set<string>();
  for (const [who, what, node] of order) {
    if (what === "ask") {
      const { held, token } = nodes[node].take(["n"], who);
      tokens.set(`${who} ${node}`, token);
      if (held.length > 0 || made.includes(node)) gaveUp.add(who);
    } else if (!gaveUp.has(who) && lets(tokens.get(`${who} ${node}`), "n", nodes[node])) made.push(node);
  }
  return made;
}

test("two controllers, in whatever order their calls arrive, never give one name on two nodes", () => {
  const questions = [["x", "y"] as const, ["y", "x"] as const];
  const stepsOf = (who: Step[0], asked: readonly Step[2][], node: Step[2]): readonly Step[] => [
    ...asked.map((each): Step => [who, "ask", each]),
    [who, "create", node],
  ];
  const orders = questions.flatMap((mine) =>
    questions.flatMap((its) => Array.from(merged(stepsOf("one", mine, "x"), stepsOf("other", its, "y")))),
  );
  const twice = orders.filter((order) => madeBy(order).length > 1);
  const once = orders.filter((order) => madeBy(order).length === 1);
  expect([orders.length, twice]).toEqual([80, []]);
  expect(once.length).toBeGreaterThan(40);
});
