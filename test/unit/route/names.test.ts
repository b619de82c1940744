import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isPoolUuid, type PoolUuid } from "../../../src/core/ids.ts";
import { MOST_NAMES } from "../../../src/route/contract.ts";
import type { FleetNode } from "../../../src/route/fleet.ts";
import { LEASE_MS } from "../../../src/route/name-leases.ts";
import { Names, type Name, type NameAnswer } from "../../../src/route/names.ts";
import { AskedNode } from "../../support/asked-node.ts";

let a: AskedNode;
let b: AskedNode;
let names: Names;
let moved: AskedNode | undefined;
beforeEach(() => {
  vi.useFakeTimers();
  [a, b, moved] = [new AskedNode("node-a"), new AskedNode("node-b"), undefined];
  names = new Names({ nodes: [a, b], ownerOf: () => moved ?? a });
});
afterEach(() => vi.useRealTimers());

const volume = (text: string): Name => ({ kind: "VOLUME", text });
const inTime = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000 });
const nobody = () => false;
/** A name is asked of all; `undefined` until there is an answer. */
function ask(name: Name, waiting = inTime(), matters: (node: FleetNode) => boolean = () => true) {
  const asked: { answers?: readonly NameAnswer[] } = {};
  void names.ask(name, waiting, matters).then((answers) => {
    asked.answers = [a, b].map((node) => answers.get(node) ?? { kind: "unknown", reason: "not asked" });
  });
  return asked;
}
const settle = () => vi.advanceTimersByTimeAsync(0);
const free = { kind: "free" } as const;
const namesAskedOf = ({ calls }: AskedNode) => calls.map((call) => call.names);

describe("questions to nodes", () => {
  test("a hundred names at once are two questions to each node", async () => {
    const asked = Array.from({ length: 100 }, (_, index) => ask(volume(`pvc-${index}`)));
    for (let round = 0; round < 2; round += 1) {
      for (const node of [a, b]) node.calls[round]?.answer({});
      await settle();
    }
    expect(asked.map(({ answers }) => answers)).toEqual(asked.map(() => [free, free]));
    expect([a, b].map(({ calls }) => calls.map((call) => call.names.length))).toEqual([
      [1, 99],
      [1, 99],
    ]);
  });

  test("each name has the answer for it, of the node that gave it", async () => {
    ask(volume("first"));
    const [one, two, three] = ["one", "two", "three"].map((name) => ask(volume(name)));
    for (const node of [a, b]) node.calls[0]?.answer({});
    await settle();
    expect(namesAskedOf(a)[1]).toEqual(["one", "two", "three"]);
    a.calls[1]?.answer({
      found: [
        { name: "two", pool_uuid: "p" },
        { name: "three", pool_uuid: "" },
        { name: "never asked for", pool_uuid: "q" },
      ],
    });
    const unsure = { name: "slow", may_be_default: true, reason: "its disk is gone" };
    b.calls[1]?.answer({ found: [{ name: "one", pool_uuid: "r" }], unsure: [unsure] });
    await settle();
    expect([one?.answers, two?.answers, three?.answers]).toEqual([
      [free, { kind: "taken", pool: "r" }],
      [
        { kind: "taken", pool: "p" },
        { kind: "unsure", pools: [unsure] },
      ],
      [
        { kind: "taken", pool: "" },
        { kind: "unsure", pools: [unsure] },
      ],
    ]);
  });

  test("a node that is slow holds up no question to another", async () => {
    const asked = ["one", "two", "three"].map((name) => ask(volume(name)));
    for (let round = 0; round < 2; round += 1) {
      b.calls[round]?.answer({});
      await settle();
    }
    expect(namesAskedOf(a)).toEqual([["one"]]);
    expect(namesAskedOf(b)).toEqual([["one"], ["two", "three"]]);
    expect(asked.map(({ answers }) => answers)).toEqual([undefined, undefined, undefined]);
  });

  test("names of different kinds are different questions", async () => {
    ask(volume("s"));
    ask({ kind: "SNAPSHOT", text: "s" });
    expect(a.calls.map(({ kind }) => kind)).toEqual(["VOLUME", "SNAPSHOT"]);
  });

  test("no more names than a node takes are in one", async () => {
    for (let index = 0; index < MOST_NAMES + 2; index += 1) ask(volume(`pvc-${index}`));
    for (let round = 0; round < 2; round += 1) {
      a.calls[round]?.answer({});
      await settle();
    }
    expect(namesAskedOf(a).map(({ length }) => length)).toEqual([1, MOST_NAMES, 1]);
  });

  test("a failure is told to each who shared the question, and to nobody else", async () => {
    const asked = ["one", "two", "three"].map((name) => ask(volume(name)));
    for (const node of [a, b]) node.calls[0]?.answer({});
    await settle();
    a.calls[1]?.fail(new Error("node-a: connection lost; retry"));
    b.calls[1]?.answer({});
    await settle();
    const lost = { kind: "unknown", reason: "node-a: connection lost; retry" };
    expect(asked.map(({ answers }) => answers)).toEqual([
      [free, free],
      [lost, free],
      [lost, free],
    ]);
    const again = ask(volume("two"));
    for (const node of [a, b]) node.calls[2]?.answer({});
    await settle();
    expect(again.answers).toEqual([free, free]);
  });

  test("a node that is away is not asked", async () => {
    b.view = undefined;
    const asked = ask(volume("one"));
    a.calls[0]?.answer({});
    await settle();
    expect(asked.answers).toEqual([free, { kind: "unknown", reason: "it is switched off" }]);
    expect(b.calls).toEqual([]);
  });

  test("nor is one that has gone while the name waited for its turn", async () => {
    ask(volume("one"));
    const asked = ask(volume("two"));
    b.view = undefined;
    a.calls[0]?.answer({});
    b.calls[0]?.fail(new Error("it has gone"));
    await settle();
    a.calls[1]?.answer({});
    await settle();
    expect(asked.answers).toEqual([free, { kind: "unknown", reason: "it is switched off" }]);
    expect(namesAskedOf(b)).toEqual([["one"]]);
  });
});

describe("who waits", () => {
  test("waits five seconds for a node that matters, and one for others", async () => {
    const asked = ask(volume("one"), inTime(), (node) => node.name === "node-a");
    await vi.advanceTimersByTimeAsync(1000);
    expect(b.calls[0]?.signal.aborted).toBe(true);
    expect([asked.answers, a.calls[0]?.signal.aborted]).toEqual([undefined, false]);
    // Else two controllers could each find the other's lease run out.
    expect(LEASE_MS).toBeGreaterThan(2 * 5000);
    await vi.advanceTimersByTimeAsync(4000);
    expect(asked.answers).toEqual([
      { kind: "unknown", reason: "it has not answered within 5000 ms" },
      { kind: "unknown", reason: "it has not answered within 1000 ms" },
    ]);
  });

  test("no longer than his own deadline, and the others go on", async () => {
    const first = ask(volume("first"));
    const hasty = ask(volume("hasty"), { ...inTime(), deadline: Date.now() + 300 });
    const patient = ask(volume("patient"));
    for (const node of [a, b]) node.calls[0]?.answer({});
    await vi.advanceTimersByTimeAsync(300);
    expect(first.answers).toEqual([free, free]);
    expect(hasty.answers).toMatchObject([{ kind: "unknown" }, { kind: "unknown" }]);
    for (const node of [a, b]) node.calls[1]?.answer({ found: [{ name: "hasty", pool_uuid: "p" }] });
    await settle();
    expect(patient.answers).toEqual([free, free]);
  });

  test("and is cancelled has no answer, and the others have theirs", async () => {
    ask(volume("first"));
    const leaver = new AbortController();
    const gone = ask(volume("gone"), { ...inTime(), signal: leaver.signal });
    const stays = ask(volume("stays"));
    for (const node of [a, b]) node.calls[0]?.answer({});
    await settle();
    leaver.abort();
    await settle();
    expect(gone.answers).toMatchObject([{ kind: "unknown" }, { kind: "unknown" }]);
    expect(a.calls[1]?.signal.aborted).toBe(false);
    for (const node of [a, b]) node.calls[1]?.answer({});
    await settle();
    expect(stays.answers).toEqual([free, free]);
  });

  test("and had gone before is told so at once", async () => {
    const asked = ask(volume("one"), { ...inTime(), signal: AbortSignal.abort() });
    await settle();
    expect(asked.answers).toMatchObject([{ kind: "unknown" }, { kind: "unknown" }]);
  });

  test("behind a question to a slow node has its answer as if he had been alone, but for a quarter of a second", async () => {
    ask(volume("one"), inTime(), nobody);
    await vi.advanceTimersByTimeAsync(100);
    const asked = ask(volume("two"), inTime(), nobody);
    // The node takes seven tenths of a second for each.
    await vi.advanceTimersByTimeAsync(250);
    expect(namesAskedOf(a)).toEqual([["one"], ["two"]]);
    await vi.advanceTimersByTimeAsync(700);
    for (const node of [a, b]) node.calls[1]?.answer({});
    await settle();
    expect(asked.answers).toEqual([free, free]);
  });

  test("behind a question that nobody waits for any more is asked for next", async () => {
    ask(volume("one"), inTime(), nobody);
    await vi.advanceTimersByTimeAsync(500);
    ask(volume("two"));
    await vi.advanceTimersByTimeAsync(500);
    expect(namesAskedOf(a)).toEqual([["one"], ["two"]]);
  });
});

describe("what is made of a source", () => {
  const pool = (digit: string): PoolUuid => {
    const uuid = digit.repeat(32);
    if (!isPoolUuid(uuid)) throw new RangeError(uuid);
    return uuid;
  };

  test("goes to whoever has the pool when all have answered", async () => {
    const owner = names.ownerWhereFree(volume("copy"), pool("a"), inTime());
    moved = b;
    for (const node of [a, b]) node.calls[0]?.answer({});
    expect((await owner).owner).toBe(b);
  });

  test("goes nowhere while that node cannot tell whether it has the name, whoever else can", async () => {
    const owner = names.ownerWhereFree(volume("copy"), pool("a"), inTime()).catch((error: unknown) => error);
    a.calls[0]?.fail(new Error("cut"));
    b.calls[0]?.answer({});
    expect(await owner).toMatchObject({ kind: "pool-unavailable" });
  });

  test("waits for no other node, and shows the token of its own", async () => {
    const owner = names.ownerWhereFree(volume("copy"), pool("a"), inTime());
    a.calls[0]?.answer({ token: "of a" });
    await vi.advanceTimersByTimeAsync(1000);
    expect(await owner).toEqual({ owner: a, token: "of a" });
  });
});
