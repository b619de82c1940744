import { afterEach, beforeEach, expect, test } from "vitest";
import { claimOf } from "../../../src/kube/volumes.ts";
import { answerWith, startSmallApi, type SmallApi } from "../../support/small-api.ts";

let small: SmallApi;
beforeEach(async () => {
  small = await startSmallApi((_request, response) => answerWith(response, 404, {}));
});
afterEach(() => small.stop());

test.each(["pvc-1", "a.b", "x".repeat(253)])("a volume may have the name %s", async (name) => {
  expect(await claimOf(small.api, { id: "v", name })).toBeUndefined();
  expect(small.asked).toEqual([`GET /api/v1/persistentvolumes/${name}`]);
});

test.each(["", ".", "..", "a/b", "../nodes/a", "a?watch=1", "A", "a\n", "-a", "a.", "x".repeat(254)])(
  "the API server is not asked for %j",
  async (name) => {
    expect(await claimOf(small.api, { id: "v", name })).toBeUndefined();
    expect(small.asked).toEqual([]);
  },
);
