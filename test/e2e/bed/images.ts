/** Container images made of static programs: archives in Docker's format, which containerd imports as they are. */
import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { command } from "./children.ts";

export interface Image {
  /** With its tag. */
  readonly name: string;
  /** Paths of programs by their paths in the image. */
  readonly files: Readonly<Record<string, string>>;
  /** Targets by the paths of symbolic links. */
  readonly links?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
}

/** Lower case, for a file: registry.k8s.io/pause:3.10 is registry.k8s.io-pause-3.10. */
const fileName = (name: string): string => name.replaceAll(/[/:]/g, "-");

/** Into `directory`; the same input gives the same bytes. Returns the path of the archive. */
export async function writeImage(directory: string, image: Image): Promise<string> {
  const work = join(directory, `${fileName(image.name)}.partial`);
  const root = join(work, "root");
  mkdirSync(join(root, "tmp"), { recursive: true });
  const place = (path: string): string => {
    const target = join(root, path);
    mkdirSync(join(target, ".."), { recursive: true });
    return target;
  };
  for (const [path, source] of Object.entries(image.files)) copyFileSync(source, place(path));
  for (const [path, target] of Object.entries(image.links ?? {})) symlinkSync(target, place(path));
  const layer = join(work, "layer.tar");
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  await command("tar", ...same, "--mode=a+rX", "-C", root, "-cf", layer, ".");
  const config = {
    architecture: "amd64",
    os: "linux",
    config: {
      Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
      ...(image.entrypoint === undefined ? {} : { Entrypoint: image.entrypoint }),
      ...(image.command === undefined ? {} : { Cmd: image.command }),
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${await digest(layer)}`] },
  };
  writeFileSync(join(work, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: [image.name], Layers: ["layer.tar"] }];
  writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, `${fileName(image.name)}.tar`);
  await command("tar", ...same, "-C", work, "-cf", archive, "manifest.json", "config.json", "layer.tar");
  rmSync(work, { recursive: true });
  return archive;
}

/** SHA-256 of a file, in hex. */
export async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
