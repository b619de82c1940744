/** Every parser of a tool's output, or the kernel's, with captures of the real thing that were damaged at random. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import { parseDmInfo, parseTargets } from "../../../src/host/dm-info-text.ts";
import { errnoFrom } from "../../../src/host/errno.ts";
import { parseBracket, parseReply, parseRequest } from "../../../src/host/guard-protocol.ts";
import { parseLinearTable } from "../../../src/host/linear-text.ts";
import { parseLoopList } from "../../../src/host/losetup.ts";
import { parseMountInfo } from "../../../src/host/mount-info.ts";
import { judgeHead } from "../../../src/host/superblock.ts";
import { parsePoolStatus, parsePoolTable } from "../../../src/host/thin-pool-text.ts";
import { parseThinDetails } from "../../../src/host/thin-rebuild.ts";
import { parseThinSuperblock } from "../../../src/host/thin-superblock.ts";
import { parseThinStatus, parseThinTable } from "../../../src/host/thin-text.ts";
import { parseThinLs, parseThinSpace } from "../../../src/host/thin-tools.ts";
import { captured, DMSETUP_CAPTURES, THIN_TOOLS_CAPTURES } from "../../support/fixtures.ts";
import { deviceHead } from "../../support/superblocks.ts";

const RUNS = 1000;

const MOUNTS = [
  "22 1 98:0 / / rw,relatime shared:1 - ext4 /dev/root rw",
  String.raw`49 22 0:44 / /mnt/my\040disk\134x rw,noatime - nfs server:/x rw,vers=4.2`,
  "51 22 0:5 /dm-3 /run/kubelet/publish rw - devtmpfs devtmpfs rw,size=4k",
].join("\n");
const DETAILS = [
  '<superblock uuid="" time="1" transaction="7" version="2" data_block_size="128" nr_data_blocks="16384">',
  '  <device dev_id="7" mapped_blocks="12" transaction="0" creation_time="0" snap_time="1">',
  '    <range_mapping origin_begin="20" data_begin="2500" length="12" time="1"/>',
  "  </device>",
  "</superblock>",
].join("\n");
const BRACKET = JSON.stringify({
  id: "0123456789ab",
  deadlineMs: 20_000,
  devices: [{ name: "dmthin-fast-v-1", uuid: `DMTHIN-${"a".repeat(32)}-v-1` }],
  mountPoints: ["/var/lib/kubelet/x"],
});

const ofBoth = (...names: readonly string[]): readonly string[] =>
  DMSETUP_CAPTURES.flatMap((directory) => names.map((name) => captured(`${directory}/${name}`)));

const TEXTS: readonly (readonly [string, (text: string) => unknown, readonly string[]])[] = [
  [
    "the status of a pool",
    parsePoolStatus,
    ofBoth("pool-status-empty", "pool-status-held", "pool-status-full", "pool-status-needs-check"),
  ],
  ["the table of a pool", parsePoolTable, ofBoth("pool-table", "pool-table-features")],
  ["the status of a thin", parseThinStatus, ofBoth("thin-status", "thin-status-empty", "thin-status-fail")],
  ["the table of a thin", parseThinTable, ofBoth("thin-table")],
  ["a linear table", parseLinearTable, ofBoth("linear-table")],
  ["the list of dm devices", parseDmInfo, ofBoth("info", "info-suspended", "info-none")],
  ["the list of targets", parseTargets, ofBoth("targets")],
  [
    "the list of thins",
    parseThinLs,
    THIN_TOOLS_CAPTURES.flatMap((directory) => [captured(`${directory}/thin-ls`)]),
  ],
  [
    "the list of what thins have for themselves",
    parseThinSpace,
    THIN_TOOLS_CAPTURES.flatMap((directory) => [captured(`${directory}/thin-space`)]),
  ],
  ["thins of damaged metadata", parseThinDetails, [DETAILS]],
  [
    "the list of loop devices",
    parseLoopList,
    ["list-two", "list-deleted", "list-none"].map((name) => captured(`losetup-2.41.5/${name}`)),
  ],
  ["mountinfo", parseMountInfo, [MOUNTS]],
  ["what a tool says of its failure", errnoFrom, ofBoth("fails-remove-busy", "fails-thin-exists")],
  ["a request to the guard", parseRequest, [`{"arm":${BRACKET}}`, '{"disarm":"0123456789ab"}']],
  [
    "a reply of the guard",
    parseReply,
    ['{"armed":"0123456789ab"}', '{"refused":"0123456789ab","reason":"x"}'],
  ],
  ["the guard's note of a bracket", parseBracket, [BRACKET]],
];

/** What a number or a word may be replaced by. */
const ODD = [
  "",
  "-1",
  "-",
  "0",
  "1.5",
  "1e3",
  "1e400",
  "0x10",
  "NaN",
  "null",
  "true",
  "Fail",
  "\0",
  "\n",
  "é",
  '"',
];
const HUGE = ["9007199254740993", "18446744073709551615", "18446744073709551616", "9".repeat(400)];

type Damage = (text: string) => string;

const NUMBERS = ["-1", "1.5", "1e3", "1e400", "0x10", "NaN", ...HUGE];
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(fc.nat(), fc.constantFrom(...NUMBERS)).map(
    ([at, word]): Damage =>
      (text) =>
        replaceNth(text, /(?<![\w.])\d+(?![\w.])/g, at, word),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(...ODD, ...HUGE)).map(
    ([at, word]): Damage =>
      (text) =>
        replaceNth(text, /[^\s"{}[\],:=|/]+/g, at, word),
  ),
  fc.tuple(fc.nat(), fc.nat(40)).map(([at, length]): Damage => (text) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + text.slice(start + length);
  }),
  fc.tuple(fc.nat(), fc.string({ unit: "binary", maxLength: 8 })).map(([at, more]): Damage => (text) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + more + text.slice(start);
  }),
  fc.nat().map(
    (at): Damage =>
      (text) =>
        text.slice(0, at % (text.length + 1)),
  ),
  fc.constant<Damage>((text) => text + text),
  fc.constant<Damage>((text) => text.split("\n").toReversed().join("\n")),
);

function replaceNth(text: string, pattern: RegExp, number: number, by: string): string {
  const found = [...text.matchAll(pattern)];
  const match = found[number % Math.max(found.length, 1)];
  if (match === undefined) return by;
  return text.slice(0, match.index) + by + text.slice(match.index + match[0].length);
}

const damaged = (captures: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...captures), fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([text, damages]) => damages.reduce((each, change) => change(each), text));

/** No number in it, at any depth, that is none, negative, or not exact. */
function isSound(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0;
  if (typeof value === "bigint") return value >= 0n;
  if (value instanceof Map) return isSound([...value.values()]);
  if (typeof value === "object" && value !== null) return Object.values(value).every(isSound);
  return true;
}

describe("damaged text", () => {
  test.each(TEXTS)("of %s is parsed to sound values or refused with ParseError", (_what, parse, captures) => {
    for (const text of captures) expect(isSound(parse(text))).toBe(true);
    fc.assert(
      fc.property(damaged(captures), (text) => {
        try {
          return isSound(parse(text));
        } catch (error) {
          return error instanceof ParseError;
        }
      }),
      { numRuns: RUNS },
    );
  });

  test.each(TEXTS)("of %s in any amount takes no time to speak of", (_what, parse) => {
    // Where a pattern goes back and forth, each of these takes minutes.
    for (const unit of [" ", "0 ", "a", "\\040", "/", '"', "[", "<device ", ": ", "1/2 ", "(", "|"]) {
      const begin = performance.now();
      try {
        parse(unit.repeat(200_000 / unit.length));
      } catch (error) {
        expect(error).toBeInstanceOf(ParseError);
      }
      expect(performance.now() - begin).toBeLessThan(5000);
    }
  });
});

describe("damaged bytes", () => {
  const heads = ["e2fsprogs-1.47.0/ext4-64m", "xfsprogs-6.1.0/xfs-300m", "btrfs-progs-6.2/btrfs-200m"].map(
    (name) => deviceHead(name),
  );
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });

  test("of a filesystem's head are judged without an error, and never blank", () => {
    const held = heads.map((head) => [...head].flatMap((byte, at) => (byte === 0 ? [] : [at])));
    fc.assert(
      fc.property(fc.nat(heads.length - 1), changes, fc.nat(), (which, bytes, cut) => {
        const head = Uint8Array.from(heads[which] ?? []);
        // Where there is something, and not in the zeros between.
        const places = held[which] ?? [0];
        for (const [at, byte] of bytes) head[places[at % places.length] ?? 0] = byte;
        const verdict = judgeHead(cut % 3 === 0 ? head.subarray(0, cut % head.length) : head);
        return (
          isSound(verdict) && (verdict.kind !== "blank" || head.every((byte) => byte === 0) || cut % 3 === 0)
        );
      }),
      { numRuns: RUNS },
    );
  });

  test("of any length are a superblock of thin metadata or none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (block) => isSound(parseThinSuperblock(block))),
      { numRuns: RUNS },
    );
  });
});
