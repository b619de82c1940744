import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OperationPendingError } from "../../../src/core/errors.ts";
import type { FindNamesResponse } from "../../../src/generated/dmthin.ts";
import { LEASE_MS, LONGEST_WAY_MS, NameLeases } from "../../../src/route/name-leases.ts";
import { NodeNames } from "../../../src/route/node-names.ts";
import { memoryPools } from "../../support/memory-pool.ts";

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

type Who = "one" | "other";
type At = "x" | "y";
/** `begin` and `refuse`: a create that finds no room there in the end. `make`: one that does. */
type Step = readonly [Who, "ask" | "begin" | "refuse" | "make", At] | "pause";

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

/** Of each of these beside each of those, with time to let leases run out wherever it may be. */
function* ordersOf(
  ones: readonly (readonly Step[])[],
  others: readonly (readonly Step[])[],
): Generator<readonly Step[]> {
  for (const one of ones)
    for (const other of others)
      for (const calls of merged(one, other)) yield* merged(calls, ["pause", "pause"]);
}

/** A node, and who has its one name. */
class NameOfNode {
  holder: Who | "nobody" | "a volume" = "nobody";
  readonly names = new NodeNames({ pools: () => memoryPools([]) }, { holds: () => this.holder !== "nobody" });

  /** Whether the create is let in and the name is its own from now on. */
  begin(who: Who, token: string): boolean {
    try {
      this.names.admit("CreateVolume", { name: "n" }, token);
    } catch (error) {
      if (error instanceof OperationPendingError) return false;
      throw error;
    }
    if (this.holder !== "nobody") return false;
    this.holder = who;
    return true;
  }
}

/** One try of a controller, which decides as `placement.ts` does where nothing is preferred. */
class Try {
  readonly #tokens = new Map<At, string>();
  #held = false;
  #taken: At | undefined;
  gaveUp = false;

  heard(node: At, { found = [], held = [], token = "" }: FindNamesResponse): void {
    this.#tokens.set(node, token);
    if (found.length > 0) this.#taken ??= node;
    if (held.length > 0) this.#held = true;
  }

  /** Where its create goes that is for `node`, and with what; undefined: it makes none. */
  createFor(node: At): { readonly at: At; readonly token: string } | undefined {
    if (this.gaveUp) return undefined;
    const sure = this.#tokens.size === 2 && !this.#held;
    const at = this.#taken ?? (sure ? node : undefined);
    // With somebody who has the name already there is one create.
    this.gaveUp = at === undefined || this.#taken !== undefined;
    return at === undefined ? undefined : { at, token: this.#tokens.get(at) ?? "" };
  }
}

/** The nodes that make something, when calls arrive in this order. */
function madeBy(order: readonly Step[]): readonly At[] {
  const nodes = { x: new NameOfNode(), y: new NameOfNode() };
  const tries = { one: new Try(), other: new Try() };
  for (const step of order) {
    if (step === "pause") {
      now += LEASE_MS;
      continue;
    }
    const [who, what, node] = step;
    if (what === "ask")
      tries[who].heard(node, nodes[node].names.find({ kind: "VOLUME", names: ["n"], asker: who }));
    else if (what === "refuse") {
      if (nodes[node].holder === who) nodes[node].holder = "nobody";
    } else {
      const create = tries[who].createFor(node);
      if (create === undefined) continue;
      const begun = nodes[create.at].begin(who, create.token);
      if (!begun) tries[who].gaveUp = true;
      else if (what === "make" || create.at !== node) nodes[create.at].holder = "a volume";
    }
  }
  return (["x", "y"] as const).filter((node) => nodes[node].holder === "a volume");
}

/** Whoever waits so long for a second answer counts it as unknown. */
function pausedWithin(order: readonly Step[], who: Who): boolean {
  const isQuestion = (step: Step): boolean => step !== "pause" && step[0] === who && step[1] === "ask";
  const asked = order.slice(order.findIndex(isQuestion), order.findLastIndex(isQuestion));
  return asked.includes("pause");
}

type Create = readonly ["begin" | "refuse" | "make", At];
const stepsOf = (who: Who, asked: readonly At[], ...creates: readonly Create[]): readonly Step[] => [
  ...asked.map((each): Step => [who, "ask", each]),
  ...creates.map(([what, node]): Step => [who, what, node]),
];

test("two controllers, in whatever order their calls arrive, never give one name on two nodes", () => {
  const both = [["x", "y"] as const, ["y", "x"] as const];
  const ones = both.flatMap((asked) => [
    stepsOf("one", asked, ["make", "x"]),
    stepsOf("one", asked, ["begin", "x"], ["refuse", "x"], ["make", "y"]),
  ]);
  // A node that is slow to answer is unknown.
  const others = [...both, ["x"] as const, ["y"] as const].flatMap((asked) => [
    stepsOf("other", asked, ["make", "x"]),
    stepsOf("other", asked, ["make", "y"]),
  ]);
  const made = { none: 0, one: 0 };
  const twice: (readonly Step[])[] = [];
  for (const order of ordersOf(ones, others)) {
    if (pausedWithin(order, "one") || pausedWithin(order, "other")) continue;
    const { length } = madeBy(order);
    if (length > 1) twice.push(order);
    else made[length === 0 ? "none" : "one"] += 1;
  }
  expect([made, twice]).toEqual([{ none: 6376, one: 9704 }, []]);
});
