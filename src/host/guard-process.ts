/**
 * The processes of the resume guard, and the guard as a process: the one exception to "only run.ts starts processes"
 * (docs/adr/0004-resume-guard.md). It holds no execa, so that the guard stays small beside every driver.
 */
// oxlint-disable-next-line eslint/no-restricted-imports -- the exception above
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { extname, join } from "node:path";

import { EnvironmentError } from "../core/errors.ts";
import { type ResumeTool, withoutKilling } from "./suspended-devices.ts";
import { locateTool, TOOL_DIRECTORIES } from "./tools.ts";

/** DM_DISABLE_UDEV: libdm makes the nodes itself and waits for no udev cookie. */
const ENVIRONMENT = { LC_ALL: "C", DM_DISABLE_UDEV: "1", PATH: TOOL_DIRECTORIES.join(":") };
/** A resume that takes longer is killed, or left behind in the kernel, and tried again; a thaw is waited for again. */
const TOOL_TIMEOUT_MS = 10_000;

/** Finds the guard's two tools now, while nothing is suspended. Throws EnvironmentError where one is missing. */
export function createResumeTool(): ResumeTool {
  const paths = { dmsetup: locate("dmsetup"), fsfreeze: locate("fsfreeze") };
  const thaws = new Map<string, Promise<void>>();
  return async (tool, args) => {
    const title = `${tool} ${args.join(" ")}`;
    if (tool === "dmsetup") {
      const { child, ended } = start(paths.dmsetup, args, title);
      try {
        return await withoutKilling(ended, title, TOOL_TIMEOUT_MS);
      } finally {
        child.kill("SIGKILL");
      }
    }
    // One that has not ended is joined, not started again.
    const thaw =
      thaws.get(title) ?? start(paths.fsfreeze, args, title).ended.finally(() => thaws.delete(title));
    thaws.set(title, thaw);
    return withoutKilling(thaw, title, TOOL_TIMEOUT_MS);
  };
}

function start(
  path: string,
  args: readonly string[],
  title: string,
): { readonly child: ChildProcess; readonly ended: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Whoever waited for it may have given up.
  promise.catch(() => undefined);
  const child = execFile(path, args, { env: ENVIRONMENT, cwd: "/" }, (error, _stdout, stderr) => {
    if (error === null) resolve();
    else reject(new Error(`${title}: ${stderr.trim() || error.message}`));
  });
  return { child, ended: promise };
}

function locate(tool: "dmsetup" | "fsfreeze"): string {
  const found = locateTool(tool);
  if (found === undefined)
    throw new EnvironmentError(`missing tool: ${tool}; searched ${TOOL_DIRECTORIES.join(", ")}`);
  return found;
}

/**
 * Starts a guard that outlives this process: a session of its own, no descriptor of ours. It ends by itself some
 * seconds after its last client, once it no longer watches what it resumed; at once where another already listens.
 */
export function spawnGuard(options: { readonly socket: string; readonly stateDirectory: string }): void {
  const entry = join(import.meta.dirname, `../main${extname(import.meta.filename)}`);
  const args = [
    entry,
    "guard",
    "--socket",
    options.socket,
    "--state-directory",
    options.stateDirectory,
    "--ends-alone",
  ];
  // Without the cache the guard holds Node's TypeScript compiler in memory for ever: 84 MB resident instead of 55.
  const cache = process.env["NODE_COMPILE_CACHE"];
  const env = cache === undefined ? ENVIRONMENT : { ...ENVIRONMENT, NODE_COMPILE_CACHE: cache };
  const child = spawn(process.execPath, args, { detached: true, stdio: "ignore", cwd: "/", env });
  // Whether it came up is seen by connecting.
  child.on("error", () => undefined);
  child.unref();
}
