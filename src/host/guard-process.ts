/**
 * The processes of the resume guard, and the guard as a process: the one exception to "only run.ts starts processes"
 * (docs/adr/0004-resume-guard.md). It holds no execa, so that the guard stays small beside every driver.
 */
// oxlint-disable-next-line eslint/no-restricted-imports -- the exception above
import { execFile, spawn } from "node:child_process";
import { join } from "node:path";

import { EnvironmentError } from "../core/errors.ts";
import type { ResumeTool } from "./suspended-devices.ts";
import { locateTool, TOOL_DIRECTORIES } from "./tools.ts";

/** DM_DISABLE_UDEV: libdm makes the nodes itself and waits for no udev cookie. */
const ENVIRONMENT = { LC_ALL: "C", DM_DISABLE_UDEV: "1", PATH: TOOL_DIRECTORIES.join(":") };
/** A tool that takes longer is killed, or left behind in the kernel, and tried again. */
const TOOL_TIMEOUT_MS = 10_000;

/** Finds the guard's two tools now, while nothing is suspended. Throws EnvironmentError where one is missing. */
export function createResumeTool(): ResumeTool {
  const paths = { dmsetup: locate("dmsetup"), fsfreeze: locate("fsfreeze") };
  return (tool, args) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const title = `${tool} ${args.join(" ")}`;
    const child = execFile(paths[tool], args, { env: ENVIRONMENT, cwd: "/" }, (error, _stdout, stderr) => {
      clearTimeout(timer);
      if (error === null) resolve();
      else reject(new Error(`${title}: ${stderr.trim() || error.message}`));
    });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${title}: no answer within ${TOOL_TIMEOUT_MS} ms`));
    }, TOOL_TIMEOUT_MS);
    return promise;
  };
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
  const entry = join(import.meta.dirname, "../main.ts");
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
