/** Text of dm-linear tables: segments on after the other, from sector 0, without gaps. */
import type { LinearSegment } from "../core/dm.ts";
import { sectors } from "../core/units.ts";
import { Words } from "./table-text.ts";

/** One line a segment: `<start> <length> linear <device> <offset>`. */
export function formatLinearTable(segments: readonly LinearSegment[]): string {
  let start = 0n;
  const lines = segments.map((segment) => {
    const line = `${start} ${segment.length} linear ${segment.device} ${segment.offset}`;
    start += segment.length;
    return line;
  });
  return lines.join("\n");
}

/** Throws ParseError for another target, a gap or an overlap. */
export function parseLinearTable(text: string): readonly LinearSegment[] {
  let start = 0n;
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const words = new Words(line);
    words.literal("start", `${start}`);
    const length = sectors(words.natural("length"));
    words.literal("target", "linear");
    const device = words.device("device");
    const offset = sectors(words.natural("offset"));
    words.end();
    start += length;
    return { length, device, offset };
  });
}
