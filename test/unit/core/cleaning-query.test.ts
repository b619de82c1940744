import { expect, test } from "vitest";
import { cleaningQuery, parseCleaningQuery } from "../../../src/core/cleaning-query.ts";

const parse = (text: string) => parseCleaningQuery(new URLSearchParams(text));

test.each([
  { ids: [], apply: false },
  { ids: ["v-1", "a&b=c"], apply: false },
  { ids: ["v-1"], apply: true },
])("%j is understood as it was asked", (request) => {
  expect(parse(cleaningQuery(request).toString())).toEqual(request);
});

test.each([
  ["id=v-1&apply=false", /^apply: is "false"/],
  ["id=v-1&apply=", /^apply: is ""/],
  ["id=v-1&apply", /^apply: is ""/],
  ["id=v-1&apply=True", /^apply: is "True"/],
  ["id=v-1&apply=true&apply=false", /^apply: is "true", "false"/],
  ["id=v-1&apply=true&apply=true", /^apply: is "true", "true"/],
  ["id=v-1&Apply=true", /^"Apply": is no parameter/],
  ["id=v-1&apply=true&dry-run", /^"dry-run": is no parameter/],
])("%s is refused", (query, problem) => {
  expect(() => parse(query)).toThrow(problem);
});
