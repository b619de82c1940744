/** Unpacks an image, as a container runtime does: unpack.ts ARCHIVE DIRECTORY. Of the format of OCI, for one machine. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
}

function unpack(archive: string, directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const layout = mkdtempSync(`${directory}.`);
  try {
    execFileSync("tar", ["-C", layout, "-xf", archive]);
    const read = (path: string): unknown => JSON.parse(readFileSync(join(layout, path), "utf8"));
    const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
    const { manifests } = read("index.json") as {
      readonly manifests: readonly { readonly digest: string }[];
    };
    const { layers } = read(blob(manifests[0]?.digest ?? "")) as Manifest;
    for (const { digest } of layers)
      execFileSync("tar", ["-C", directory, "--numeric-owner", "-xpf", join(layout, blob(digest))]);
  } finally {
    rmSync(layout, { recursive: true });
  }
  // A file of this name says that a lower layer's is gone; this program does not know how.
  const whiteouts = readdirSync(directory, { recursive: true }).filter((path) =>
    String(path).includes("/.wh."),
  );
  if (whiteouts.length > 0) throw new Error(`layers that take files away: ${whiteouts.join(", ")}`);
}

const [archive, directory] = process.argv.slice(2);
if (archive === undefined || directory === undefined)
  throw new RangeError("usage: unpack.ts ARCHIVE DIRECTORY");
unpack(archive, directory);
