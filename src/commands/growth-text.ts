/** From what the driver says of a growth to what `dmthin pool grow` prints, and its exit code. Pure. Codes: docs/reference/commands.md. */
import { z } from "zod";
import { ParseError } from "../core/errors.ts";
import type { GrowthAnswer } from "../core/growth-answer.ts";
import { formatJson } from "../core/json.ts";
import { formatBytes } from "../core/units.ts";
import { EXIT } from "./answer.ts";
import type { Said } from "./answer.ts";
import { oneLine } from "./table.ts";

const text = z.string();
const natural = text.regex(/^\d{1,20}$/).transform((digits) => BigInt(digits));
const sizes = z.object({ data: natural, metadata: natural });

const schema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("no-such-pool"), known: z.array(text) }),
  z.object({ kind: z.literal("cannot"), reason: text }),
  z.object({
    kind: z.literal("grown"),
    pool: text,
    dryRun: z.boolean(),
    before: sizes,
    after: sizes,
    devices: z.array(z.object({ path: text, change: z.enum(["take", "extend"]), size: natural })),
    notDone: z.array(text),
    notes: z.array(text),
  }),
]);

/** The answer as a reader has it: names are text, whoever made them. */
export type ReadGrowth = Readonly<z.infer<typeof schema>>;
type Grown = Extract<ReadGrowth, { kind: "grown" }>;

/** Throws ParseError. */
export function parseGrowth(json: string): ReadGrowth {
  const parsed = schema.safeParse(valueOf(json));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ParseError(
    "answer of the driver",
    issue?.path.join(".") ?? "",
    issue?.message ?? "",
    "what this version knows",
  );
}

function valueOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

export function growthAnswer(answer: ReadGrowth, wanted: string, json: boolean): Said {
  switch (answer.kind) {
    case "no-such-pool":
      return {
        exitCode: EXIT.missing,
        output: "",
        complaint: `no pool is named ${wanted}; there are ${answer.known.join(", ")}`,
      };
    case "cannot":
      return {
        exitCode: EXIT.unknown,
        output: "",
        complaint: `pool ${wanted} cannot grow now: ${oneLine(answer.reason)}`,
      };
    case "grown":
      return {
        exitCode: answer.notDone.length > 0 ? EXIT.attention : EXIT.ok,
        output: json ? formatJson(shown(answer)) : growthText(answer),
      };
  }
}

/** Told by `kind`, which scripts need not know: there is no other that is printed. */
function shown({ kind: _one, ...rest }: Grown) {
  return { ...rest, grows: isLonger(rest) };
}

const isLonger = ({ before, after }: Pick<Grown, "before" | "after">): boolean =>
  after.data > before.data || after.metadata > before.metadata;

const CHANGES = {
  take: ["is taken", "would be taken"],
  extend: ["is used to a later end", "would be used to a later end"],
} as const satisfies Record<Extract<GrowthAnswer, { kind: "grown" }>["devices"][number]["change"], unknown>;

function growthText(growth: Grown): string {
  const { pool, dryRun, before, after, devices, notDone, notes } = growth;
  const headline = isLonger(growth)
    ? `pool ${pool} ${dryRun ? "would grow" : "has grown"}`
    : `pool ${pool}: there is nothing to take up`;
  const lines = [
    headline,
    `data:     ${span(before.data, after.data)}`,
    `metadata: ${span(before.metadata, after.metadata)}, and as much spare`,
    ...devices.map(
      ({ path, change, size }) => `${path} (${formatBytes(size)}) ${CHANGES[change][dryRun ? 1 : 0]}`,
    ),
    ...notes.map((each) => `- ${each}`),
    ...notDone.map((each) => `- not done: ${each}`),
    ...(dryRun ? ["nothing was changed"] : []),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}

const span = (before: bigint, after: bigint): string =>
  before === after ? formatBytes(after) : `${formatBytes(before)} -> ${formatBytes(after)}`;
