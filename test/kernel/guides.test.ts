/** The commands of the guides and of the tutorial, as they stand there, on a machine as they presume it. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { GuidePlace } from "../support/guide-place.ts";
import { SCENARIOS } from "../support/guide-scenarios.ts";

let place: GuidePlace;
beforeAll(async () => {
  place = await GuidePlace.create();
});
afterAll(() => place.clear());

test.each(Object.entries(SCENARIOS))("%s does what it says", async (path, follow) => {
  const guide = await place.guide(path);
  await follow(guide, place);
  expect(guide.left).toBe(0);
});
