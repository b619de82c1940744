import { lstat, readdir } from "node:fs/promises";

/** Every path in the directories with its kind, size and time of change, without going through symlinks. */
export async function treeOf(...directories: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const directory of directories) {
    for (const name of ["", ...(await readdir(directory, { recursive: true }))]) {
      const path = name === "" ? directory : `${directory}/${name}`;
      const { mode, size, ctimeMs } = await lstat(path);
      lines.push(`${path} ${mode.toString(8)} ${size} ${ctimeMs}`);
    }
  }
  return lines.toSorted();
}
