/**
 * Lays out what the image is built from, as `deploy/Dockerfile` wants it: context.ts DIRECTORY ARCHITECTURE=NODE-PACKAGE...
 * Takes what is installed here as the lockfile says, and asks no network.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { shippedPackages } from "./lockfile.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What packages hold for compilers, debuggers and other runtimes than Node. */
const LEFT_OUT = /\.(?:[cm]?ts|map|tsbuildinfo)$|\/prebuilds$/;

/** `nodes`: of each architecture the unpacked npm package with Node. */
function layOut(directory: string, nodes: ReadonlyMap<string, string>): void {
  rmSync(directory, { recursive: true, force: true });
  const app = join(directory, "app");
  const inspect = join(directory, "inspect");
  compile(directory, app, inspect);
  for (const name of ["bin", "proto", "LICENSE"]) copy(name, join(app, name));
  copyPackages(app);
  for (const [architecture, node] of nodes)
    copyNode(node, join(directory, "node", architecture, "node_modules"));
  copy("package-lock.json", join(inspect, "package-lock.json"));
  for (const name of ["packages", "install.sh"]) copy(`deploy/image/${name}`, join(directory, "build", name));
}

/** The sources without their types: an image is started often, and each process would hold the compiler. */
function compile(directory: string, app: string, inspect: string): void {
  const out = join(directory, "out");
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "--project", join(ROOT, "deploy/tsconfig.json"), "--outDir", out], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  mkdirSync(inspect);
  renameSync(join(out, "deploy"), join(inspect, "deploy"));
  renameSync(out, app);
}

function copyPackages(app: string): void {
  const lockfile: unknown = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  for (const { path } of shippedPackages(lockfile)) {
    if (!existsSync(join(ROOT, path))) continue;
    copy(path, join(app, path));
    // Packages in it have entries of their own.
    rmSync(join(app, path, "node_modules"), { recursive: true, force: true });
  }
}

function copyNode(node: string, modules: string): void {
  const name = basename(realpathSync(node)).replace(/-\d.*$/, "");
  for (const each of ["bin/node", "LICENSE", "package.json"])
    copy(join(node, each), join(modules, name, each));
  mkdirSync(join(modules, ".bin"));
  symlinkSync(join("..", name, "bin/node"), join(modules, ".bin/node"));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(resolve(ROOT, from), to, {
    recursive: true,
    filter: (source) => !LEFT_OUT.test(source) && basename(source) !== ".package-lock.json",
  });
}

const [directory, ...nodes] = process.argv.slice(2);
if (directory === undefined || nodes.length === 0)
  throw new RangeError("usage: context.ts DIRECTORY ARCHITECTURE=NODE-PACKAGE...");
layOut(
  directory,
  new Map(
    nodes.map((pair) => {
      const [architecture = "", node = ""] = pair.split("=");
      return [architecture, node];
    }),
  ),
);
