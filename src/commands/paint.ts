/** Colours, where a person reads. */
import { styleText } from "node:util";

export type Tone = "good" | "bad" | "heading" | "faint";

/** The text in that tone; never of another length on the screen. */
export type Paint = (tone: Tone, text: string) => string;

const STYLES = { good: "green", bad: "red", heading: "bold", faint: "dim" } as const;

export const plain: Paint = (_tone, text) => text;
const colours: Paint = (tone, text) => styleText(STYLES[tone], text, { validateStream: false });

/** On a terminal, unless NO_COLOR is set. */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Paint {
  return stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
    ? colours
    : plain;
}
