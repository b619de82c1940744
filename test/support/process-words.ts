/** What runs on this machine, by the words of each process. */
import { readdirSync, readFileSync } from "node:fs";

/** Program and arguments; none for a process that has ended, and for a thread of the kernel. */
export function wordsOf(pid: number | string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Ids of the processes whose words are such. */
export const processesWith = (matches: (words: readonly string[]) => boolean): readonly number[] =>
  readdirSync("/proc").flatMap((entry) =>
    /^\d+$/.test(entry) && matches(wordsOf(entry)) ? [Number(entry)] : [],
  );

/** These words, one directly after the other. */
export const hasInRow = (words: readonly string[], ...row: readonly string[]): boolean =>
  words.some((_word, start) => row.every((wanted, index) => words[start + index] === wanted));
