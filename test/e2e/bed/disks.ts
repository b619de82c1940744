/** The nodes' root disk, in the cache: a Debian with containerd, and the images of the sidecars in its store. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { command } from "./children.ts";
import { digest, writeImage, type Image } from "./images.ts";
import type { DiskRecipe } from "./inside.ts";
import { PAUSE_IMAGE } from "./layout.ts";
import { cacheDirectory, type Tools } from "./tools.ts";

/** Tags of the images whose programs are our own. */
const OWN_TAGS: Readonly<Record<string, string>> = {
  "csi-node-driver-registrar": "v2.17.0",
  livenessprobe: "v2.19.0",
};
/** The pods of tests; BusyBox is Debian's. */
export const TOOLS_IMAGE = "docker.io/library/busybox:1.37";
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Each takes 1.5 GiB. */
const KEPT = 6;

export interface NodeDisks {
  readonly tree: string;
  readonly images: string;
  readonly recipes: readonly DiskRecipe[];
}

/** `driverImage`: an archive with the image of the driver, imported too. */
export async function nodeDisks(tools: Tools, driverImage: string | undefined): Promise<NodeDisks> {
  const recipe = join(import.meta.dirname, "node-root.sh");
  const key = hash(readFileSync(recipe, "utf8"), tools.kernelRecipe);
  const images = join(cacheDirectory(), `e2e-node-${key}`);
  if (!existsSync(images)) makeRoot(recipe, images, tools);
  forgetOld(images);
  const tree = join(images, "tree");
  const sources = ["images.ts", "disks.ts"].map((file) =>
    readFileSync(join(import.meta.dirname, file), "utf8"),
  );
  const wanted = await imagesOf(tools, tree);
  const sidecars = `sidecars-${hash(JSON.stringify(wanted), ...sources)}.ext4`;
  const archives = existsSync(join(images, sidecars)) ? [] : await writeAll(images, wanted);
  const recipes = [{ from: "root.ext4", to: sidecars, archives }];
  if (driverImage !== undefined) {
    const to = `driver-${hash(sidecars, await digest(driverImage))}.ext4`;
    recipes.push({ from: sidecars, to, archives: [driverImage] });
  }
  return { tree, images, recipes };
}

const hash = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);

function makeRoot(recipe: string, goal: string, tools: Tools): void {
  console.error("bed: building the nodes' root (about a minute)");
  const partial = `${goal}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    execFileSync(recipe, [partial, tools.kernelTree], { stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    throw new Error(`the nodes' root cannot be built:\n${stderr?.toString().slice(-2000) ?? ""}`, {
      cause: error,
    });
  }
  renameSync(partial, goal);
}

/** Each image of a driver's archive leaves a disk. Nodes of a bed that runs keep what is forgotten here, until their power is cut. */
function forgetOld(images: string): void {
  const made = readdirSync(images)
    .filter((name) => /^(driver|sidecars)-/.test(name))
    .map((name) => ({ path: join(images, name), age: Date.now() - statSync(join(images, name)).mtimeMs }))
    .toSorted((one, other) => one.age - other.age);
  for (const [index, { path, age }] of made.entries())
    if (age > DAY_MS || (index >= KEPT && age > HOUR_MS)) rmSync(path);
}

async function imagesOf(tools: Tools, tree: string): Promise<readonly Image[]> {
  const programs = tools.sidecars.map(({ name, version, path }): Image => {
    const tag = version === "own" ? (OWN_TAGS[name] ?? version) : version;
    const image = name === "pause" ? PAUSE_IMAGE : `registry.k8s.io/sig-storage/${name}:${tag}`;
    return { name: image, files: { [`/${name}`]: path }, entrypoint: [`/${name}`] };
  });
  const busybox = join(tree, "usr/bin/busybox");
  const applets = (await command(busybox, "--list")).split("\n").filter((name) => name !== "");
  const links = applets.filter((name) => name !== "busybox").map((name) => [`/bin/${name}`, "busybox"]);
  return [
    ...programs,
    {
      name: TOOLS_IMAGE,
      files: { "/bin/busybox": busybox },
      links: Object.fromEntries(links) as Record<string, string>,
      command: ["sh"],
    },
  ];
}

async function writeAll(images: string, wanted: readonly Image[]): Promise<readonly string[]> {
  const directory = join(images, "archives");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const written: string[] = [];
  for (const image of wanted) written.push(await writeImage(directory, image));
  return written;
}
