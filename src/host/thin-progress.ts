/** How far the tools of thin-provisioning-tools are that walk all of a pool's metadata: they say nothing themselves. */
import { type Bytes, bytesFromMetaBlocks } from "../core/units.ts";
import type { ProcessIo } from "./process-io.ts";
import type { Runner } from "./run.ts";
import { readMetadataInUse } from "./thin-superblock.ts";
import type { ToolName } from "./tools.ts";

/** Only what is known: nobody can tell how much a tool has left, as it may read a block again, or pass one over. */
export interface ThinProgress {
  readonly tool: ToolName;
  /** Since it was started. */
  readonly ms: number;
  /** Absent where the kernel does not tell. */
  readonly io?: ProcessIo;
  /** Of the metadata that it reads, by the superblock; absent where that cannot be read. */
  readonly inUse?: Bytes;
}

export type OnThinProgress = (progress: ThinProgress) => void;

const TOOLS: ReadonlySet<ToolName> = new Set([
  "thin_check",
  "thin_dump",
  "thin_ls",
  "thin_repair",
  "thin_restore",
]);

/** The same runner; it tells once a second how far such a tool is. */
export function withThinProgress(runner: Runner, tell: OnThinProgress): Runner {
  return {
    get started() {
      return runner.started;
    },
    holding: (fds) => withThinProgress(runner.holding(fds), tell),
    async run(tool, args, options = {}) {
      if (!TOOLS.has(tool)) return runner.run(tool, args, options);
      const inUse = await inUseAt(metadataOf(args));
      return runner.run(tool, args, {
        ...options,
        onRunning: (io, ms) =>
          tell({
            tool,
            ms,
            ...(io === undefined ? {} : { io }),
            ...(inUse === undefined ? {} : { inUse }),
          }),
      });
    },
  };
}

/** What it reads: the value of `--input`, else the last word. thin_restore reads text, which is no metadata. */
function metadataOf(args: readonly string[]): string | undefined {
  const input = args.indexOf("--input");
  return input === -1 ? args.at(-1) : args[input + 1];
}

async function inUseAt(path: string | undefined): Promise<Bytes | undefined> {
  if (path === undefined) return undefined;
  try {
    const blocks = await readMetadataInUse(path);
    return blocks === undefined ? undefined : bytesFromMetaBlocks(blocks);
  } catch {
    // The tool will say what is wrong with it.
    return undefined;
  }
}
