import { describe, expect, test } from "vitest";

import type { Event, Operation } from "../../faults/power/events.ts";
import { modelOf } from "../../faults/power/model.ts";

let operations = 0;
const begin = (what: Operation): Event => {
  operations += 1;
  return { e: "begin", op: operations, what };
};
const end = (answer = {}): Event => ({ e: "end", op: operations, answer });
const record = (volume: string, n: number): Event => ({ e: "record", volume, n });

const created = (volume: string): readonly Event[] => [
  begin({ kind: "create", volume, content: "block", size: "4096" }),
  end({ id: `id-${volume}`, size: "8192" }),
];
const used = (volume: string): readonly Event[] => [begin({ kind: "use", volume }), end()];

const own = (events: readonly Event[], known?: number, possible?: number) =>
  modelOf(events, known, possible).volumes.get("v1")?.own;

describe("a volume", () => {
  test("that was created has the id and the size that were answered", () => {
    expect(modelOf(created("v1")).volumes.get("v1")).toMatchObject({
      created: "done",
      id: "id-v1",
      size: 8192n,
      deleted: undefined,
    });
  });

  test("whose creation was not answered may be there", () => {
    const [first] = created("v1") as [Event];
    expect(modelOf([first]).volumes.get("v1")).toMatchObject({ created: "begun", id: undefined });
  });

  test("whose deletion was begun may be gone, and is gone when it was answered", () => {
    const events = [...created("v1"), begin({ kind: "delete-volume", volume: "v1" }), end()];
    expect(modelOf(events.slice(0, 3)).volumes.get("v1")?.deleted).toBe("begun");
    expect(modelOf(events).volumes.get("v1")?.deleted).toBe("done");
  });

  test("that is growing may have either size", () => {
    const events = [...created("v1"), begin({ kind: "grow", volume: "v1", size: "12288" }), end()];
    expect(modelOf(events.slice(0, 3)).volumes.get("v1")).toMatchObject({ size: 8192n, growing: [12_288n] });
    expect(modelOf(events).volumes.get("v1")).toMatchObject({ size: 12_288n, growing: [] });
  });

  test("has the records that were acknowledged, and perhaps the next, unless its writer was stopped", () => {
    const events = [...created("v1"), ...used("v1"), record("v1", 0), record("v1", 1)];
    expect(own(events.slice(0, 2))).toMatchObject({ least: 0, most: 0 });
    expect(own(events.slice(0, 4))).toMatchObject({ least: 0, most: 1 });
    expect(own(events)).toMatchObject({ least: 2, most: 3 });
    expect(own([...events, begin({ kind: "release", volume: "v1" })])).toMatchObject({ least: 2, most: 2 });
  });
});

describe("a snapshot", () => {
  const before = [...created("v1"), ...used("v1"), record("v1", 0)];
  const snapshot = (): Event => begin({ kind: "snapshot", snapshot: "s1", volume: "v1" });
  const streams = (events: readonly Event[]) => modelOf(events).snapshots.get("s1")?.inherited;

  test("holds what was durable when it was asked for, and at most what was begun when it was answered", () => {
    const during = [...before, snapshot(), record("v1", 1)];
    expect(streams(during)).toEqual([{ writer: "v1", least: 1, most: 3 }]);
    const after = [...during, end({ id: "id-s1" }), record("v1", 2)];
    expect(streams(after)).toEqual([{ writer: "v1", least: 1, most: 3 }]);
  });

  test("gives its restores what it holds itself, and they go on from there", () => {
    const copy: Operation = { kind: "copy", volume: "v2", content: "block", size: "8192", from: "s1" };
    const events = [
      ...before,
      snapshot(),
      end({ id: "id-s1" }),
      record("v1", 1),
      begin(copy),
      end({ id: "id-v2" }),
    ];
    const restored = modelOf(events).volumes.get("v2");
    expect(restored?.inherited).toEqual([{ writer: "v1", least: 1, most: 2 }]);
    expect(restored?.own).toEqual({ writer: "v2", least: 0, most: 0 });
  });

  test("of a group is there and gone with its group", () => {
    const events = [
      ...before,
      begin({ kind: "group", group: "g1", volumes: ["v1"] }),
      end({ id: "id-g1", members: { v1: "id-m1" } }),
      begin({ kind: "delete-group", group: "g1" }),
    ];
    const member = (count: number) => modelOf(events.slice(0, count)).snapshots.get("g1.v1");
    expect(member(6)).toMatchObject({ created: "begun", group: "g1" });
    expect(member(7)).toMatchObject({ created: "done", id: "id-m1", size: 8192n, deleted: undefined });
    expect(member(8)).toMatchObject({ deleted: "begun" });
  });
});

describe("between what is known and what is possible", () => {
  const events = [...created("v1"), ...used("v1"), record("v1", 0), record("v1", 1), record("v1", 2)];

  test("records may be there", () => {
    expect(own(events, 5, 7)).toMatchObject({ least: 1, most: 4 });
  });

  test("objects may be there, with the id they were given", () => {
    expect(modelOf(events, 1, 3).volumes.get("v1")).toMatchObject({ created: "begun", id: "id-v1" });
  });

  test("objects may be gone", () => {
    const deleted = [...created("v1"), begin({ kind: "delete-volume", volume: "v1" }), end()];
    expect(modelOf(deleted, 2, 4).volumes.get("v1")?.deleted).toBe("begun");
  });

  test("nothing beyond counts", () => {
    expect(modelOf(events, 0, 0).volumes.size).toBe(0);
  });
});

test("a call that was refused is a failure of the workload", () => {
  const events = [begin({ kind: "use", volume: "v1" }), { e: "failed", op: operations, why: "no" } as const];
  expect(modelOf(events).failures).toEqual(['{"kind":"use","volume":"v1"}: no']);
});
