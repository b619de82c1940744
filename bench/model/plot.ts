/** A plot as SVG: lines over a logarithmic axis of counts, milliseconds on a linear one that begins at 0. Pure. */

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** Ascending in x. `low` and `high`: the middle half of the measurements. */
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly low: number;
    readonly high: number;
  }[];
}

export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Under the plot, one each. */
  readonly footnotes: readonly string[];
  readonly lines: readonly Line[];
}

const SIZE = { width: 760, height: 440 };
const AREA = { left: 80, top: 50, right: 620, bottom: 340 };

/** A round step that gives four to eight marks up to `highest`. */
export function stepFor(highest: number): number {
  const raw = highest / 6;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((each) => each * power).find((step) => step >= raw) ?? power * 10;
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const place = (value: number): string => value.toFixed(1);

/** RangeError where there is nothing to be drawn. */
export function drawPlot({ title, xTitle, yTitle, footnotes, lines }: Plot): string {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) throw new RangeError("a plot of nothing");
  const xs = all.map(({ x }) => Math.log10(x));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const step = stepFor(Math.max(...all.map(({ high }) => high)));
  const top = Math.ceil(Math.max(...all.map(({ high }) => high)) / step) * step;
  const atX = (x: number): number =>
    AREA.left + ((Math.log10(x) - least) / (most - least || 1)) * (AREA.right - AREA.left);
  const atY = (y: number): number => AREA.bottom - (y / top) * (AREA.bottom - AREA.top);
  const marks = [...new Set(all.map(({ x }) => x))].toSorted((one, other) => one - other);
  const levels = Array.from({ length: Math.round(top / step) + 1 }, (_one, index) => index * step);
  const body = [
    text(SIZE.width / 2, 26, title, 'text-anchor="middle" font-size="16"'),
    ...levels.flatMap((level) => grid(level, atY(level))),
    ...marks.map((mark) =>
      text(atX(mark), AREA.bottom + 20, mark.toLocaleString("en"), 'text-anchor="middle"'),
    ),
    text((AREA.left + AREA.right) / 2, AREA.bottom + 42, xTitle, 'text-anchor="middle"'),
    `<text transform="translate(22 ${place((AREA.top + AREA.bottom) / 2)}) rotate(-90)" text-anchor="middle">${escape(yTitle)}</text>`,
    ...lines.flatMap((line) => drawLine(line, atX, atY)),
    ...footnotes.map((note, index) => text(AREA.left, AREA.bottom + 66 + index * 17, note, 'font-size="11"')),
  ];
  const size = `width="${SIZE.width}" height="${SIZE.height}" viewBox="0 0 ${SIZE.width} ${SIZE.height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n${body.join("\n")}\n</svg>\n`;
}

const text = (x: number, y: number, words: string, attributes = ""): string =>
  `<text x="${place(x)}" y="${place(y)}" ${attributes}>${escape(words)}</text>`;

const grid = (level: number, y: number): readonly string[] => [
  `<line x1="${AREA.left}" x2="${AREA.right}" y1="${place(y)}" y2="${place(y)}" stroke="#ddd"/>`,
  text(AREA.left - 8, y + 4, String(Number(level.toPrecision(6))), 'text-anchor="end"'),
];

function drawLine(
  { name, colour, points }: Line,
  atX: (x: number) => number,
  atY: (y: number) => number,
): readonly string[] {
  const path = points.map(({ x, y }) => `${place(atX(x))},${place(atY(y))}`).join(" ");
  const last = points.at(-1);
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.flatMap(({ x, y, low, high }) => [
      `<line x1="${place(atX(x))}" x2="${place(atX(x))}" y1="${place(atY(low))}" y2="${place(atY(high))}" stroke="${colour}"/>`,
      `<circle cx="${place(atX(x))}" cy="${place(atY(y))}" r="4" fill="${colour}"/>`,
    ]),
    ...(last === undefined ? [] : [text(atX(last.x) + 10, atY(last.y) + 4, name, `fill="${colour}"`)]),
  ];
}
