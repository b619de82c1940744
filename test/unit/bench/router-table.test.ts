import { expect, test } from "vitest";
import type { Figures } from "../../../bench/router/measure.ts";
import { routerTable } from "../../../bench/router/table.ts";

const figures = (nodes: number): Figures => ({
  nodes,
  volumes: nodes * 100,
  connect: 1,
  getVolume: 1.84,
  capacityOfNode: 1,
  capacityOfAll: 1,
  create: 12.4,
  createQuestions: nodes,
  createCpu: 1,
  createHundred: 250,
  createHundredQuestions: nodes * 2,
  createHundredCpu: 1,
  createHundredMemory: 1,
  listPage: 1,
  listLastPage: 1,
  listAll: nodes * 10,
  reportAll: 1,
  reportCpu: 0.0445,
  thinPools: 1,
  memory: 1,
  heap: 1,
  heapAfter: 1,
});

test("a column for each number of nodes; a hundred at once are told by the volume, reports and lists by the piece", () => {
  const lines = routerTable([figures(10), figures(1000)]).split("\n");
  expect(lines.slice(0, 2)).toEqual(["|  | 10 nodes | 1000 nodes |", "| --- | ---: | ---: |"]);
  expect(lines).toEqual(
    expect.arrayContaining([
      "| ControllerGetVolume | 1.8 ms | 1.8 ms |",
      "| ListVolumes, all, per 1,000 volumes | 100 ms | 100 ms |",
      "| CreateVolume, one | 12 ms | 12 ms |",
      "| CreateVolume, 100 at once, per volume | 2.5 ms | 2.5 ms |",
      "| — questions to nodes | 10 | 1000 |",
      "| — questions to nodes | 0.2 | 20.0 |",
      "| — questions to each node for all 100 | 2.0 | 2.0 |",
      "| — computing for one report | 45 µs | 45 µs |",
    ]),
  );
});
