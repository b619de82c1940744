import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventRecorder } from "../../../src/kube/events.ts";
import { SERIES_MS } from "../../../src/plan/event-limits.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { answerWith, startSmallApi, type SmallApi } from "../../support/small-api.ts";

interface Sent {
  readonly metadata: { readonly name: string };
  readonly note: string;
}

let small: SmallApi;
let recorder: EventRecorder;
beforeEach(async () => {
  small = await startSmallApi((request, response) =>
    answerWith(response, request.startsWith("PATCH") ? 404 : 201, {}),
  );
  recorder = new EventRecorder(small.api, "controller-1", recordingLog().log);
});
afterEach(async () => {
  vi.useRealTimers();
  await small.stop();
});

const target = { apiVersion: "v1", kind: "Node", name: "node-a", uid: "node-a" };
const text = { type: "Warning", reason: "PoolDataLow", note: "pool fast: low", action: "Watching" } as const;
const sent = (): Sent => small.bodies.at(-1) as Sent;

test.each([
  ["x".repeat(1024), "x".repeat(1024)],
  ["x".repeat(1025), `${"x".repeat(1021)}…`],
  ["ä".repeat(512), "ä".repeat(512)],
  ["ä".repeat(513), `${"ä".repeat(510)}…`],
  [`${"x".repeat(1019)}😀😀`, `${"x".repeat(1019)}…`],
])("a note is cut to 1024 bytes, between two characters", async (note, expected) => {
  await recorder.record(target, { ...text, note });
  expect(sent().note).toBe(expected);
});

test.each(["node-a", `${"a".repeat(198)}.-b`, `${"a".repeat(199)}.b`, "a".repeat(253)])(
  "an Event about %s has a name that can be one",
  async (name) => {
    await recorder.record({ ...target, name }, text);
    expect(sent().metadata.name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*\.[0-9a-f]{16}$/);
  },
);

test("an Event that is gone is made anew, and counts from there", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  await recorder.record(target, text);
  vi.advanceTimersByTime(SERIES_MS);
  await recorder.record(target, text);
  const [first, , second] = small.bodies as Sent[];
  vi.advanceTimersByTime(SERIES_MS);
  await recorder.record(target, text);
  expect(small.asked.map((each) => each.replace(/^(\w+) .*\/events/, "$1 "))).toEqual([
    "POST ",
    `PATCH /${first?.metadata.name}`,
    "POST ",
    `PATCH /${second?.metadata.name}`,
    "POST ",
  ]);
  expect(first?.metadata.name).not.toBe(second?.metadata.name);
  expect(small.bodies[3]).toMatchObject({ series: { count: 2 } });
});
