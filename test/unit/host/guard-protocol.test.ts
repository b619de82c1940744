import { describe, expect, test } from "vitest";

import { formatLine, parseReply, parseRequest } from "../../../src/host/guard-protocol.ts";
import { LineSplitter } from "../../../src/host/lines.ts";

const POOL = "0123456789abcdef0123456789abcdef";
const device = { name: "dmthin-fast-v-00000000000000000001", uuid: `DMTHIN-${POOL}-v-00000000000000000001` };
const arm = { id: "bracket-1", deadlineMs: 1000, devices: [device], mountPoints: ["/var/lib/kubelet/a b"] };

describe("a request", () => {
  test.each([
    { arm },
    { arm: { ...arm, devices: [], mountPoints: [] } },
    { disarm: "bracket-1" },
    { fire: "bracket-1" },
  ])("comes through as it was sent: %j", (request) => {
    expect(parseRequest(JSON.stringify(request))).toStrictEqual(request);
  });

  test("loses what is not of the protocol", () => {
    expect(parseRequest(JSON.stringify({ arm: { ...arm, extra: 1 } }))).toStrictEqual({ arm });
  });

  test.each([
    ["no JSON", "arm"],
    ["no object", "1"],
    ["null", "null"],
    ["nothing asked", "{}"],
    ["no id", { arm: { ...arm, id: undefined } }],
    ["an id that is a path", { arm: { ...arm, id: "../../../etc" } }],
    ["an id to disarm that is a path", { disarm: "../../../etc" }],
    ["an id to fire that is a path", { fire: "../../../etc" }],
    ["no deadline", { arm: { ...arm, deadlineMs: undefined } }],
    ["a deadline that is over", { arm: { ...arm, deadlineMs: 0 } }],
    ["a deadline of a day", { arm: { ...arm, deadlineMs: 86_400_000 } }],
    ["a deadline as text", { arm: { ...arm, deadlineMs: "1000" } }],
    ["devices that are no list", { arm: { ...arm, devices: device } }],
    ["a device without uuid", { arm: { ...arm, devices: [{ name: device.name }] } }],
    ["a foreign name", { arm: { ...arm, devices: [{ ...device, name: "vg-root" }] } }],
    ["a name with an option", { arm: { ...arm, devices: [{ ...device, name: "dmthin-x --force" }] } }],
    ["a foreign uuid", { arm: { ...arm, devices: [{ ...device, uuid: "LVM-abc" }] } }],
    ["one bad device among good ones", { arm: { ...arm, devices: [device, { ...device, uuid: "" }] } }],
    ["a relative mount point", { arm: { ...arm, mountPoints: ["a"] } }],
    ["a mount point that climbs", { arm: { ...arm, mountPoints: ["/a/../b"] } }],
    ["a mount point that is an option", { arm: { ...arm, mountPoints: ["--freeze"] } }],
    ["a mount point with NUL", { arm: { ...arm, mountPoints: ["/a\0b"] } }],
  ])("is malformed: %s", (_, request) => {
    expect(parseRequest(typeof request === "string" ? request : JSON.stringify(request))).toBeUndefined();
  });
});

describe("a reply", () => {
  test.each([
    { armed: "bracket-1" },
    { disarmed: "bracket-1" },
    { fired: "bracket-1" },
    { refused: "bracket-1", reason: "why" },
  ])("comes through as it was sent: %j", (reply) => {
    expect(parseReply(formatLine(reply).trimEnd())).toStrictEqual(reply);
  });

  test.each(["", "{}", '{"armed":1}', '{"refused":"bracket-1"}', "[]"])("is malformed: %s", (line) => {
    expect(parseReply(line)).toBeUndefined();
  });
});

describe("lines", () => {
  test("are put together from pieces, and taken apart", () => {
    const lines = new LineSplitter(100);
    expect(lines.push("on")).toStrictEqual([]);
    expect(lines.push("e\ntwo\nth")).toStrictEqual(["one", "two"]);
    expect(lines.push("ree\n")).toStrictEqual(["three"]);
  });

  test("may not grow without end", () => {
    const lines = new LineSplitter(10);
    expect(lines.push("0123456789")).toStrictEqual([]);
    expect(lines.push("0")).toBeUndefined();
  });
});
