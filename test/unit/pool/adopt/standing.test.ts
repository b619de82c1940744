import { describe, expect, test } from "vitest";

import type { PoolName } from "../../../../src/core/ids.ts";
import { poolsOf } from "../../../../src/pool/adopt/found-pools.ts";
import type { FoundPool } from "../../../../src/pool/adopt/found-pools.ts";
import { objectionTo, standingOf } from "../../../../src/pool/adopt/standing.ts";
import type { ConfiguredPool, Standing } from "../../../../src/pool/adopt/standing.ts";
import { find } from "../../../support/finds.ts";
import { OTHER_POOL, POOL } from "../../../support/labels.ts";

const name = (text: string): PoolName => text as PoolName;
const [found] = poolsOf([find("sda", "metadata"), find("sdb", "data")]) as readonly [FoundPool];

const FREE: readonly ConfiguredPool[] = [{ name: name("slow"), uuid: OTHER_POOL }];
const OWN: readonly ConfiguredPool[] = [{ name: name("fast"), uuid: POOL }];
const CLASH: readonly ConfiguredPool[] = [{ name: name("fast"), uuid: OTHER_POOL }];
const MISNAMED: readonly ConfiguredPool[] = [{ name: name("slow"), uuid: POOL }];
const UNSURE: readonly ConfiguredPool[] = [{ name: name("fast") }];

describe("a found pool", () => {
  test.each<readonly [what: string, configured: readonly ConfiguredPool[], standing: Standing]>([
    ["is new where nothing is configured", [], { kind: "new" }],
    ["is new beside another", FREE, { kind: "new" }],
    ["is configured by uuid and name", [...FREE, ...OWN], { kind: "configured" }],
    ["clashes with one that has its name", CLASH, { kind: "clash", uuid: OTHER_POOL }],
    ["is misnamed where its devices are another's", MISNAMED, { kind: "misnamed", as: name("slow") }],
    [
      "is misnamed also where its name is another's",
      [...CLASH, ...MISNAMED],
      { kind: "misnamed", as: name("slow") },
    ],
    ["is perhaps the one whose devices are not there", UNSURE, { kind: "unsure" }],
  ])("%s", (_what, configured, standing) => {
    expect(standingOf(found, configured)).toEqual(standing);
  });

  test.each<
    readonly [what: string, configured: readonly ConfiguredPool[], as: string | undefined, problem: RegExp]
  >([
    ["without another name on a clash", CLASH, undefined, /fast is configured here for pool fedc.*--as NAME/],
    ["its own name as another on a clash", CLASH, "fast", /--as NAME/],
    [
      "whose devices are another's",
      MISNAMED,
      undefined,
      /are configured here as pool slow, .* labels say fast/,
    ],
    ["another name while it is configured", OWN, "new", /is configured here as fast; take it out/],
    [
      "another name while it is configured under that",
      MISNAMED,
      "slow",
      /is configured here as slow; take it out/,
    ],
    ["the name of another pool", FREE, "slow", /slow is configured here for pool fedc/],
    ["the name of a pool that is not there", UNSURE, "fast-2", /^$/],
    [
      "a name whose pool is not there",
      [{ name: name("slow") }],
      "slow",
      /a pool whose devices are not there/,
    ],
  ])("is refused or not: %s", (_what, configured, as, problem) => {
    expect(objectionTo(found, configured, as === undefined ? undefined : name(as)) ?? "").toMatch(problem);
  });

  test.each<readonly [configured: readonly ConfiguredPool[], as: string | undefined]>([
    [[], undefined],
    [FREE, undefined],
    [OWN, undefined],
    [OWN, "fast"],
    [UNSURE, undefined],
    [CLASH, "new"],
    [[], "new"],
  ])("may be adopted: %#", (configured, as) => {
    expect(objectionTo(found, configured, as === undefined ? undefined : name(as))).toBeUndefined();
  });
});
