/**
 * Looks at the image from inside while it is built: inspect.js FILE. Fails where a program that dmthin may start is not there or
 * lacks a library; writes the list of what the image holds.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import packageJson from "../../package.json" with { type: "json" };
import { seenTools } from "../../src/host/tools.ts";
import { nodePackages, shippedPackages, type NpmPackage } from "./lockfile.ts";
import { sbom, type DebianPackage } from "./sbom.ts";

const ROOT = join(import.meta.dirname, "../..");

const outputOf = (program: string, args: readonly string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Throws a sentence that names every tool that is of no use. */
function requireTools(): void {
  const problems = seenTools().flatMap(({ name, path, package: of }) => {
    if (path === undefined) return `${name} (of ${of}) is not there`;
    const missing = librariesMissing(path);
    return missing.length === 0 ? [] : `${name} lacks ${missing.join(", ")}`;
  });
  if (problems.length > 0) throw new Error(problems.join("; "));
}

/** None of a script: what it starts is looked at by itself. */
function librariesMissing(path: string): readonly string[] {
  if (!readFileSync(path).subarray(0, 4).equals(Buffer.from("\u007fELF", "latin1"))) return [];
  return outputOf("/usr/bin/ldd", [path])
    .split("\n")
    .filter((line) => line.includes("not found"))
    .map((line) => line.trim());
}

function debianPackages(): readonly DebianPackage[] {
  const fields = ["Package", "Version", "Architecture", "source:Package", "source:Version"];
  const format = fields.map((field) => `\${${field}}`).join(" ");
  return outputOf("/usr/bin/dpkg-query", ["-W", "-f", `\${db:Status-Status} ${format}\\n`])
    .split("\n")
    .filter((line) => line.startsWith("installed "))
    .map((line) => {
      const [, name = "", version = "", architecture = "", of = "", ofVersion = ""] = line.split(" ");
      return { name, version, architecture, source: { name: of, version: ofVersion } };
    });
}

function npmPackages(): readonly NpmPackage[] {
  const lockfile: unknown = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return [...nodePackages(lockfile), ...shippedPackages(lockfile)].filter(({ path }) =>
    existsSync(join(ROOT, path)),
  );
}

function debianRelease(): string {
  const [, release] = /^VERSION_ID="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  if (release === undefined) throw new Error("/etc/os-release names no release");
  return release;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new RangeError("usage: inspect.js FILE");
requireTools();
const held = { release: debianRelease(), debian: debianPackages(), npm: npmPackages() };
const created = new Date(Number(process.env["SOURCE_DATE_EPOCH"] ?? "0") * 1000);
const { version } = packageJson;
const digest = createHash("sha256").update(JSON.stringify(held)).digest("hex").slice(0, 32);
writeFileSync(file, `${JSON.stringify(sbom({ version, created, digest, ...held }), undefined, 1)}\n`);
