// Writes src/generated/csi.ts, the TypeScript types of proto/csi.proto; with --check it writes nothing and exits 1
// if the committed file differs from what it would write.
//
// proto-loader-gen-types makes one file per message, 121 of them, a quarter of which describe protobuf itself. Here
// they become one file: imports between them are dropped, names lose the prefix of their package, and of
// google.protobuf only the types that a CSI message uses stay.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const proto = join(root, "proto/csi.proto");
const output = join(root, "src/generated/csi.ts");

/** The options of the loader in src/csi/proto.ts: the types are true only if both lists say the same. */
const loaderOptions = ["--keepCase", "--longs=String", "--enums=String", "--defaults", "--oneofs"];

const header = `// Generated from proto/csi.proto by \`npm run generate\`; never edited by hand.
//
// CreateVolumeRequest is what a sender may write: every field optional, 64-bit integers as string or number.
// CreateVolumeRequest__Output is what a receiver reads: every field there except what a oneof did not choose, 64-bit
// integers as decimal strings, an unset message null. Types nested in a message are joined by _: VolumeCapability_AccessMode_Mode.

import type * as grpc from "@grpc/grpc-js";
import type { EnumTypeDefinition, Long, MessageTypeDefinition, MethodDefinition } from "@grpc/proto-loader";
`;

/** Runs proto-loader-gen-types into `dir`; gives csi.ts, csi/v1/*.ts and google/protobuf/*.ts there. */
function generateInto(dir: string): void {
  const tool = join(root, "node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
  const target = ["--grpcLib=@grpc/grpc-js", "--importFileExtension=.ts", `--outDir=${dir}`];
  execFileSync(process.execPath, [tool, ...loaderOptions, ...target, proto], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The declarations of one generated file: no import lines, no origin comments, no package prefixes. */
function declarations(text: string): string {
  return text
    .replaceAll(/^import type .*$/gm, "")
    .replaceAll(/^\/\/ Original file: .*$/gm, "")
    .replaceAll(/\b_(?:csi_v1|google_protobuf)_/g, "")
    .replaceAll(/[ \t]+$/gm, "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

function readSorted(dir: string): ReadonlyMap<string, string> {
  const names = readdirSync(dir).toSorted();
  return new Map(names.map((name) => [basename(name, ".ts"), readFileSync(join(dir, name), "utf8")]));
}

/** All generated files in `dir` as the text of one. */
function joined(dir: string): string {
  const messages = readSorted(join(dir, "csi/v1"));
  const wellKnown = readSorted(join(dir, "google/protobuf"));
  const used = new Set(
    [...messages.values()].flatMap((text) =>
      [...text.matchAll(/\bgoogle\/protobuf\/(\w+)\.ts/g)].map(([, name]) => name),
    ),
  );
  const unused = new Set([...wellKnown.keys()].filter((name) => !used.has(name)));
  const index = readFileSync(join(dir, "csi.ts"), "utf8")
    .split("\n")
    .filter((line) => !unused.has(/^ {6}(\w+): (?:Message|Enum)TypeDefinition/.exec(line)?.[1] ?? ""))
    .join("\n");
  const kept = [...wellKnown].filter(([name]) => used.has(name)).map(([, text]) => text);
  return [header, ...[...kept, ...messages.values(), index].map((text) => `\n${declarations(text)}\n`)].join(
    "",
  );
}

function generated(): string {
  const dir = mkdtempSync(join(tmpdir(), "dmthin-generate-"));
  try {
    generateInto(dir);
    return joined(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function committed(): string | undefined {
  try {
    return readFileSync(output, "utf8");
  } catch {
    return undefined;
  }
}

const text = generated();
if (!process.argv.includes("--check")) {
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, text);
} else if (text !== committed()) {
  console.error(
    "src/generated/csi.ts is not what proto/csi.proto yields: run `npm run generate` and commit the result.",
  );
  process.exitCode = 1;
}
