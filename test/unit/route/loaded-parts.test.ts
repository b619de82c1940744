import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { loadCsi } from "../../../src/csi/proto.ts";
import { loadNodeLink } from "../../../src/route/contract.ts";

const SOURCES = join(import.meta.dirname, "../../../src");

/** All that Node loads with a file, before it runs a line: files by path, packages by name. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.endsWith(".ts")) return seen;
  const text = readFileSync(file, "utf8");
  for (const [, what = "", from = ""] of text.matchAll(
    /^(?:import|export)\s+([^;"]*?)(?:from\s+)?"([^"]+)";/gm,
  )) {
    if (what.startsWith("type ")) continue;
    loadedWith(from.startsWith(".") ? resolve(dirname(file), from) : from, seen);
  }
  return seen;
}

test.each(["serve.ts", "cluster-node.ts"])("%s does not load what makes certificates", (file) => {
  const loaded = [...loadedWith(join(SOURCES, file))];
  expect(loaded).toContain("@grpc/grpc-js");
  expect(loaded).not.toContain("@peculiar/x509");
});

test("one node alone loads nothing of a cluster", () => {
  const loaded = [...loadedWith(join(SOURCES, "serve.ts"))];
  expect(loaded.filter((path) => path.startsWith(join(SOURCES, "route")))).toEqual([]);
});

test("a controller loads what makes certificates where it makes them", () => {
  const loaded = [...loadedWith(join(SOURCES, "controller-kubernetes.ts"))];
  expect(loaded).toContain("@peculiar/x509");
});

test("contracts are parsed once", () => {
  expect(loadCsi().Controller).toBe(loadCsi().Controller);
  expect(loadNodeLink()).toBe(loadNodeLink());
});
