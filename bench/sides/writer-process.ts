/** A writer beside the measurements, in a process of its own: told by messages which file to write to, and to stop. */
import { RecordWriter } from "../../test/support/record-writer.ts";

export type WriterOrder = { readonly kind: "start"; readonly path: string } | { readonly kind: "stop" };
/** `longestMs`: the longest that one record took since the start. */
export interface WriterAnswer {
  readonly longestMs: number;
}

let writer: RecordWriter | undefined;

async function obey(order: WriterOrder): Promise<WriterAnswer> {
  if (order.kind === "start") {
    writer = await RecordWriter.start(order.path);
    writer.takeLongestMs();
    return { longestMs: 0 };
  }
  await writer?.reach(5);
  const longestMs = writer?.takeLongestMs() ?? 0;
  await writer?.stop();
  return { longestMs };
}

process.on("message", (order: WriterOrder) => {
  void obey(order).then((answer) => process.send?.(answer));
});
