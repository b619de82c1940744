// Writes src/generated/*.ts, the TypeScript types of proto/*.proto; with --check it writes nothing and exits 1 if a
// committed file differs from what it would write.
//
// proto-loader-gen-types makes one file per message, 121 of them, a quarter of which describe protobuf itself. Here
// they become one file: imports between them are dropped, names lose the prefix of their package, and of
// google.protobuf only the types that a CSI message uses stay.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");

/** proto/<name>.proto, of the package <name>.v1, becomes src/generated/<name>.ts. */
const CONTRACTS = ["csi", "dmthin"] as const;
type Contract = (typeof CONTRACTS)[number];

const protoOf = (contract: Contract): string => join(root, `proto/${contract}.proto`);
const outputOf = (contract: Contract): string => join(root, `src/generated/${contract}.ts`);

/** The options of the loader in src/csi/proto.ts: the types are true only if both lists say the same. */
const loaderOptions = ["--keepCase", "--longs=String", "--enums=String", "--defaults", "--oneofs"];

const CONTRACT_EXAMPLES = {
  csi: { message: "CreateVolumeRequest", nested: "VolumeCapability_AccessMode_Mode" },
  dmthin: { message: "NodeState", nested: "FindNamesRequest_Kind" },
} as const satisfies Record<Contract, object>;

const LOADER_TYPES = ["EnumTypeDefinition", "Long", "MessageTypeDefinition", "MethodDefinition"];

const header = (
  contract: Contract,
  used: readonly string[],
): string => `// Generated from proto/${contract}.proto by \`npm run generate\`; never edited by hand.
//
// ${CONTRACT_EXAMPLES[contract].message} is what a sender may write: every field optional, 64-bit integers as string or number.
// ${CONTRACT_EXAMPLES[contract].message}__Output is what a receiver reads: every field there except what a oneof did not choose, 64-bit
// integers as decimal strings, an unset message null. Types nested in a message are joined by _: ${CONTRACT_EXAMPLES[contract].nested}.

import type * as grpc from "@grpc/grpc-js";
import type { ${used.join(", ")} } from "@grpc/proto-loader";
`;

/** Runs proto-loader-gen-types into `dir`; gives csi.ts, csi/v1/*.ts and, if used, google/protobuf/*.ts there. */
function generateInto(dir: string, contract: Contract): void {
  const tool = join(root, "node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
  const target = ["--grpcLib=@grpc/grpc-js", "--importFileExtension=.ts", `--outDir=${dir}`];
  execFileSync(process.execPath, [tool, ...loaderOptions, ...target, protoOf(contract)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The declarations of one generated file: no import lines, no origin comments, no package prefixes. */
function declarations(text: string): string {
  return text
    .replaceAll(/^import type .*$/gm, "")
    .replaceAll(/^\/\/ Original file: .*$/gm, "")
    .replaceAll(/\b_(?:csi_v1|dmthin_v1|google_protobuf)_/g, "")
    .replaceAll(/[ \t]+$/gm, "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

function readSorted(dir: string): ReadonlyMap<string, string> {
  if (!existsSync(dir)) return new Map();
  const names = readdirSync(dir).toSorted();
  return new Map(names.map((name) => [basename(name, ".ts"), readFileSync(join(dir, name), "utf8")]));
}

/** All generated files in `dir` as the text of one. */
function joined(dir: string, contract: Contract): string {
  const messages = readSorted(join(dir, `${contract}/v1`));
  const wellKnown = readSorted(join(dir, "google/protobuf"));
  const usedWellKnown = new Set(
    [...messages.values()].flatMap((text) =>
      [...text.matchAll(/\bgoogle\/protobuf\/(\w+)\.ts/g)].map(([, name]) => name),
    ),
  );
  const unused = new Set([...wellKnown.keys()].filter((name) => !usedWellKnown.has(name)));
  const index = readFileSync(join(dir, `${contract}.ts`), "utf8")
    .split("\n")
    .filter((line) => !unused.has(/^ {6}(\w+): (?:Message|Enum)TypeDefinition/.exec(line)?.[1] ?? ""))
    .join("\n");
  const kept = [...wellKnown].filter(([name]) => usedWellKnown.has(name)).map(([, text]) => text);
  const texts = [...kept, ...messages.values(), index].map((text) => `\n${declarations(text)}\n`);
  const used = LOADER_TYPES.filter((name) => texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  return [header(contract, used), ...texts].join("");
}

function generated(contract: Contract): string {
  const dir = mkdtempSync(join(tmpdir(), "dmthin-generate-"));
  try {
    generateInto(dir, contract);
    return joined(dir, contract);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function committed(contract: Contract): string | undefined {
  try {
    return readFileSync(outputOf(contract), "utf8");
  } catch {
    return undefined;
  }
}

for (const contract of CONTRACTS) {
  const text = generated(contract);
  if (!process.argv.includes("--check")) {
    mkdirSync(dirname(outputOf(contract)), { recursive: true });
    writeFileSync(outputOf(contract), text);
  } else if (text !== committed(contract)) {
    console.error(
      `src/generated/${contract}.ts is not what proto/${contract}.proto yields: run \`npm run generate\` and commit the result.`,
    );
    process.exitCode = 1;
  }
}
