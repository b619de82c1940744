/** The figures of a router as a table: what is measured downwards, numbers of nodes to the right. Pure. */
import type { Figures } from "./measure.ts";

const fixed = (value: number, digits: number): string => value.toFixed(digits);
const ms = (value: number): string => `${fixed(value, value < 10 ? 1 : 0)} ms`;
const mib = (value: number): string => `${fixed(value, 1)} MiB`;
const count = (value: number): string => fixed(value, 0);

const LINES: readonly (readonly [string, (figures: Figures) => string])[] = [
  ["volumes", ({ volumes }) => count(volumes)],
  ["connect to all nodes", ({ connect }) => ms(connect)],
  ["ControllerGetVolume", ({ getVolume }) => ms(getVolume)],
  ["GetCapacity of a node", ({ capacityOfNode }) => ms(capacityOfNode)],
  ["GetCapacity of all", ({ capacityOfAll }) => ms(capacityOfAll)],
  ["ListVolumes, a page of 100", ({ listPage }) => ms(listPage)],
  ["ListVolumes, the last page", ({ listLastPage }) => ms(listLastPage)],
  ["ListVolumes, all, per 1,000 volumes", ({ listAll, volumes }) => ms((listAll / volumes) * 1000)],
  ["CreateVolume, one", ({ create }) => ms(create)],
  ["— computing for it", ({ createCpu }) => ms(createCpu)],
  ["— questions to nodes", ({ createQuestions }) => count(createQuestions)],
  ["CreateVolume, 100 at once, per volume", ({ createHundred }) => ms(createHundred / 100)],
  ["— computing for it", ({ createHundredCpu }) => ms(createHundredCpu / 100)],
  ["— questions to nodes", ({ createHundredQuestions }) => fixed(createHundredQuestions / 100, 1)],
  [
    "— questions to each node for all 100",
    ({ createHundredQuestions, nodes }) => fixed(createHundredQuestions / nodes, 1),
  ],
  ["— more memory meanwhile, at most", ({ createHundredMemory }) => mib(createHundredMemory)],
  ["a change on every node is known after", ({ reportAll }) => ms(reportAll)],
  ["— computing for one report", ({ reportCpu }) => `${fixed(reportCpu * 1000, 0)} µs`],
  ["which ThinPools are to be written: a look", ({ thinPools }) => ms(thinPools)],
  ["memory with all nodes connected", ({ memory }) => mib(memory)],
  ["heap with all nodes connected", ({ heap }) => mib(heap)],
  ["heap after all that", ({ heapAfter }) => mib(heapAfter)],
];

export function routerTable(columns: readonly Figures[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["", ...columns.map(({ nodes }) => `${nodes} nodes`)]),
    row(["---", ...columns.map(() => "---:")]),
    ...LINES.map(([title, text]) => row([title, ...columns.map(text)])),
  ].join("\n");
}
