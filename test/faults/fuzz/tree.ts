import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Other test kernels run from it at the same time, and keep what they compiled there. */
const REPOSITORY = join(import.meta.dirname, "../../..");

/** Every path in the directories with its kind, size and time of change, without going through symlinks; not the repository. */
export async function treeOf(...directories: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const directory of directories) {
    for (const name of ["", ...(await readdir(directory, { recursive: true }))]) {
      const path = name === "" ? directory : `${directory}/${name}`;
      if (path === REPOSITORY || path.startsWith(`${REPOSITORY}/`)) continue;
      const { mode, size, ctimeMs } = await lstat(path);
      lines.push(`${path} ${mode.toString(8)} ${size} ${ctimeMs}`);
    }
  }
  return lines.toSorted();
}
