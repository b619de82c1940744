/** The commands of the README's "Install", as a reader would type them; afterwards the cluster is as it was. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { codeBlocks, documentText, ROOT } from "../support/markdown.ts";

const HEADING = "## Install";
/** What the README leaves to its reader; volumes first, because their driver deletes them. */
const CLEAN = `
kubectl delete pod/writer --grace-period=1
kubectl delete pvc/notes
kubectl wait --for=delete pv --all --timeout=3m
helm uninstall dmthin --namespace dmthin-system --wait --timeout 5m
kubectl delete namespace dmthin-system
`;

/** Programs for bash: the blocks of that section, then what takes it all back. */
export function installCommands(readme: string): readonly string[] {
  const start = readme.indexOf(`\n${HEADING}\n`);
  if (start === -1) throw new Error(`README.md has no "${HEADING}"`);
  const section = readme.slice(start + 1);
  const end = section.indexOf("\n## ", HEADING.length);
  const blocks = codeBlocks(end === -1 ? section : section.slice(0, end)).filter(
    ({ language }) => language === "sh",
  );
  if (blocks.length === 0) throw new Error(`"${HEADING}" of README.md has no commands`);
  return [...blocks.map(({ text }) => text), CLEAN];
}

/**
 * In `directory`, where the repository's charts are at hand, with those programs on the path. `run` gives an exit code.
 * Rejects where a command fails.
 */
export async function followReadme(
  directory: string,
  programs: { readonly helm: string; readonly kubectl: string },
  run: (argv: readonly [string, ...string[]], environment: NodeJS.ProcessEnv, cwd: string) => Promise<number>,
): Promise<void> {
  const bin = join(directory, "bin");
  mkdirSync(bin, { recursive: true });
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
  symlinkSync(join(ROOT, "charts"), join(directory, "charts"));
  const environment = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  for (const text of installCommands(documentText("README.md"))) {
    const code = await run(["bash", "-euo", "pipefail", "-c", text], environment, directory);
    if (code !== 0) throw new Error(`this of README.md ended with ${code}:\n${text}`);
  }
}
