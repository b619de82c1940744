import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatToken, MAX_PAGE, pageOf, type Listed } from "../../../src/csi/pages.ts";

const at = (second: number, id: string): Listed => ({
  id,
  createdAt: new Date(1_700_000_000_000 + second * 1000).toISOString(),
});
const page = (all: readonly Listed[], maxEntries: number, startingToken = "") =>
  pageOf(all, { list: "volumes", maxEntries, startingToken });

describe("a page", () => {
  test("is in the order of making, and of ids within one moment", () => {
    const all = [at(2, "v-a"), at(1, "v-c"), at(1, "v-b")];
    expect(page(all, 0).entries.map(({ id }) => id)).toEqual(["v-b", "v-c", "v-a"]);
  });

  test("without a limit holds everything, and there is no next", () => {
    expect(page([at(1, "v-a")], 0)).toEqual({ entries: [at(1, "v-a")], nextToken: "" });
  });

  test("that is just full has no next", () => {
    expect(page([at(1, "v-a"), at(2, "v-b")], 2).nextToken).toBe("");
  });

  test("is never longer than a message may be", () => {
    const all = Array.from({ length: MAX_PAGE + 1 }, (_, index) => at(index, `v-${index}`));
    const first = page(all, 0);
    expect(first.entries).toHaveLength(MAX_PAGE);
    expect(page(all, 0, first.nextToken).entries).toHaveLength(1);
    expect(page(all, 2 ** 31 - 1).entries).toHaveLength(MAX_PAGE);
  });

  test("goes on where the last one ended, though that entry was deleted and another one made", () => {
    const all = [at(1, "v-a"), at(2, "v-b"), at(3, "v-c")];
    const { nextToken } = page(all, 2);
    const now = [at(1, "v-a"), at(3, "v-c"), at(4, "v-d")];
    expect(page(now, 0, nextToken).entries.map(({ id }) => id)).toEqual(["v-c", "v-d"]);
  });

  test("after page gives every entry once, whatever the size of the pages", () => {
    const entries = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 30 })),
      { selector: ([, id]) => id },
    );
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 7 }), (pairs, size) => {
        const all = pairs.map(([second, id]) => at(second, `v-${id}`));
        const seen: string[] = [];
        let token = "";
        do {
          const next = page(all, size, token);
          seen.push(...next.entries.map(({ id }) => id));
          token = next.nextToken;
        } while (token !== "");
        const inOrder = all.toSorted((one, other) =>
          `${one.createdAt} ${one.id}` < `${other.createdAt} ${other.id}` ? -1 : 1,
        );
        expect(seen).toEqual(inOrder.map(({ id }) => id));
      }),
    );
  });
});

describe("a token", () => {
  const id = `v-${"0".repeat(32)}-${"0".repeat(20)}`;

  test("fits into CSI's 128 bytes", () => {
    expect(Buffer.byteLength(formatToken("volumes", at(1, id)))).toBeLessThanOrEqual(128);
  });

  const good = formatToken("volumes", at(1, id));
  test.each([
    ["of nobody", "invalid-token"],
    ["of another list", formatToken("snapshots", at(1, id))],
    ["with a letter more", `${good}0`],
    ["with a changed time", good.replace("2023", "2024")],
    ["that is an index", "2"],
    ["that is enormous", "x".repeat(100_000)],
  ])("%s is refused", (_what, token) => {
    expect(() => page([], 0, token)).toThrow(expect.objectContaining({ kind: "stale-page-token" }));
  });

  test("of the last entry gives an empty page", () => {
    expect(page([at(1, id)], 0, good)).toEqual({ entries: [], nextToken: "" });
  });
});
