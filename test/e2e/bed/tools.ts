/** The programs that the bed needs, brought by the scripts of test/tools where they are missing. Paths are absolute. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../../..");
const TOOLS = join(ROOT, "test/tools");
const VM = join(ROOT, "test/vm");
/** The User-Mode-Linux that has the seccomp mode. */
const KERNEL = "7";

export const cacheDirectory = (): string =>
  process.env["DMTHIN_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "dmthin");

/** Lines of a script's output. What it says meanwhile goes on to our standard error. */
export function lines(script: string, ...args: readonly string[]): string[] {
  const output = execFileSync(script, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return output.split("\n").filter((line) => line !== "");
}

export interface Sidecar {
  readonly name: string;
  /** As in the image's tag; "own" for programs of test/tools/programs. */
  readonly version: string;
  readonly path: string;
}

export interface Tools {
  readonly etcd: string;
  readonly apiserver: string;
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly kubelet: string;
  readonly kubectl: string;
  readonly sidecars: readonly Sidecar[];
  /** Definitions and rights of the snapshot-controller, to be applied. */
  readonly snapshotManifests: readonly string[];
  /** Unpacked package of the nodes' kernel. */
  readonly kernelTree: string;
  readonly kernelRecipe: string;
}

/** Programs of this machine that the bed calls, by their packages. */
const HOST_PROGRAMS: Readonly<Record<string, string>> = {
  ip: "iproute2",
  "mkfs.ext4": "e2fsprogs",
  mmdebstrap: "mmdebstrap",
  setpriv: "util-linux",
  unshare: "util-linux",
};

function bringHostPrograms(): void {
  const directories = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  const isThere = (program: string): boolean =>
    directories.some((directory) => existsSync(join(directory, program)));
  const missing = Object.entries(HOST_PROGRAMS).flatMap(([program, name]) =>
    isThere(program) ? [] : [name],
  );
  if (missing.length > 0)
    execFileSync(join(TOOLS, "apt-install.sh"), ["the test cluster", ...new Set(missing)], {
      stdio: ["ignore", 2, 2],
    });
}

/** Takes up to 25 minutes of two processors where nothing is there yet. */
export function bringTools(): Tools {
  if (process.getuid?.() !== 0) throw new Error("the test cluster needs root");
  bringHostPrograms();
  execFileSync(join(VM, "vm"), ["setup", "--uml", "--kernel", KERNEL], { stdio: ["ignore", 2, 2] });
  const kernelRecipe = createHash("sha256")
    .update(readFileSync(join(VM, "lib/build.sh")))
    .digest("hex")
    .slice(0, 12);
  const cache = cacheDirectory();
  const kubernetes = ["apiserver", "controller-manager", "scheduler"].map((name) => `kube-${name}`);
  const [apiserver = "", controllerManager = "", scheduler = "", kubelet = "", kubectl = ""] = lines(
    join(TOOLS, "kubernetes.sh"),
    ...kubernetes,
    "kubelet",
    "kubectl",
  );
  const sidecars = lines(join(TOOLS, "sidecars.sh")).map((line) => {
    const [name = "", version = "", path = ""] = line.split(" ");
    return { name, version, path };
  });
  return {
    etcd: lines(join(TOOLS, "etcd.sh"))[0] ?? "",
    apiserver,
    controllerManager,
    scheduler,
    kubelet,
    kubectl,
    sidecars,
    snapshotManifests: lines(join(TOOLS, "snapshot-crds.sh")),
    kernelTree: join(cache, `uml-${KERNEL}-${kernelRecipe}`),
    kernelRecipe,
  };
}
