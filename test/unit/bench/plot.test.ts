import { expect, test } from "vitest";

import { drawPlot, stepFor } from "../../../bench/model/plot.ts";

const at = (x: number, y: number) => ({ x, y, low: y, high: y });
const plot = {
  title: "Cost <here>",
  xTitle: "volumes",
  yTitle: "ms",
  footnotes: ["a & b"],
  lines: [
    { name: "flat", colour: "#00f", points: [at(10, 50), at(10_000, 50)] },
    { name: "steep", colour: "#f00", points: [at(10, 0), at(100, 25), at(10_000, 100)] },
  ],
};

const lines = (svg: string) =>
  [...svg.matchAll(/polyline points="([^"]+)"/g)].map((match) =>
    (match[1] ?? "").split(" ").map((pair) => pair.split(",").map(Number) as [number, number]),
  );

test("a value that stays the same is a level line, and a larger one is drawn higher", () => {
  const [flat, steep] = lines(drawPlot(plot));
  expect(flat?.[0]?.[1]).toBe(flat?.[1]?.[1]);
  const heights = steep?.map(([, y]) => y) ?? [];
  expect(heights).toEqual(heights.toSorted((one, other) => other - one));
  expect(heights[0]).toBeGreaterThan(flat?.[0]?.[1] ?? Infinity);
});

test("tens are at equal distances", () => {
  const [, steep] = lines(drawPlot(plot));
  const [ten = 0, hundred = 0, tenThousand = 0] = steep?.map(([x]) => x) ?? [];
  expect(tenThousand - ten).toBeCloseTo(3 * (hundred - ten), 0);
});

test("words are escaped, names and notes are there", () => {
  const svg = drawPlot(plot);
  expect(svg).toContain("Cost &lt;here&gt;");
  expect(svg).toContain(">a &amp; b<");
  expect(svg).toContain(">steep<");
});

test("nothing cannot be drawn", () => {
  expect(() => drawPlot({ ...plot, lines: [] })).toThrow(RangeError);
});

test.each([
  [100, 20],
  [55, 10],
  [6, 1],
  [0.5, 0.1],
])("up to %d the marks are %d apart", (highest, step) => {
  expect(stepFor(highest)).toBeCloseTo(step);
});
