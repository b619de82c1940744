import { describe, expect, test } from "vitest";
import { readQuestion, writeAnswer } from "../../e2e/bed/names.ts";

const A = 1;
const AAAA = 28;

function query(name: string, type: number): Buffer {
  const labels = Buffer.concat(
    name.split(".").map((label) => Buffer.from(`${String.fromCodePoint(label.length)}${label}`)),
  );
  const header = [0xbe, 0xef, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1];
  // An option record behind the question, as resolvers send it.
  return Buffer.from([...header, ...labels, 0, 0, type, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
}

const answerTo = (asked: Buffer, addresses: readonly string[] | undefined): Buffer => {
  const question = readQuestion(asked);
  if (question === undefined) throw new Error("no question");
  return writeAnswer(asked, question, addresses);
};

describe("names of the test bed", () => {
  test("the question is read, in small letters", () => {
    const asked = query("Web.Default.svc.cluster.local", A);
    expect(readQuestion(asked)).toEqual({
      name: "web.default.svc.cluster.local",
      type: A,
      end: asked.length - 11,
    });
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["a header", query("a", A).subarray(0, 12)],
    ["half a name", query("abcdef", A).subarray(0, 16)],
    [
      "a pointer for a name",
      Buffer.concat([query("a", A).subarray(0, 12), Buffer.from([0xc0, 12]), Buffer.alloc(300)]),
    ],
  ])("%s is no question", (_what, bytes) => {
    expect(readQuestion(bytes)).toBeUndefined();
  });

  test("each address is a record; id and question come back, the option does not", () => {
    const asked = query("a.b", A);
    const answer = answerTo(asked, ["10.96.1.2", "10.78.1.3"]);
    expect(answer.readUInt16BE(0)).toBe(0xbeef);
    expect(answer.readUInt16BE(2) & 0x800f).toBe(0x8000);
    expect([answer.readUInt16BE(4), answer.readUInt16BE(6), answer.readUInt32BE(8)]).toEqual([1, 2, 0]);
    const records = answer.subarray(asked.length - 11);
    expect(records).toHaveLength(32);
    expect([...records.subarray(12, 16), ...records.subarray(28, 32)]).toEqual([10, 96, 1, 2, 10, 78, 1, 3]);
  });

  test("a name that is not there is told from one without addresses of that kind", () => {
    expect(answerTo(query("a.b", A), undefined).readUInt16BE(2) & 15).toBe(3);
    const other = answerTo(query("a.b", AAAA), ["10.96.1.2"]);
    expect([other.readUInt16BE(2) & 15, other.readUInt16BE(6)]).toEqual([0, 0]);
  });
});
