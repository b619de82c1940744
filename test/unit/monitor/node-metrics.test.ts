import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";

import { bytes, MIB } from "../../../src/core/units.ts";
import type { PoolReport } from "../../../src/core/pool-report.ts";
import { NodeMetrics } from "../../../src/monitor/node-metrics.ts";
import { absentPool, nodeReport, openPool } from "../../support/node-report.ts";
import { volumeIdOf } from "../../support/records.ts";

/** Lines of samples, after these reports one after the other. */
async function shown(...reports: readonly (readonly PoolReport[])[]): Promise<readonly string[]> {
  const metrics = new NodeMetrics(new Registry());
  let text = "";
  for (const pools of reports) text = await metrics.text(nodeReport(...pools));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("the metrics of pools", () => {
  test("say what the kernel and the driver know of an open one", async () => {
    expect(await shown([openPool()])).toEqual(
      expect.arrayContaining([
        'dmthin_build_info{version="1.2.3"} 1',
        "dmthin_ready 1",
        'dmthin_pool_up{pool="fast"} 1',
        `dmthin_pool_info{pool="fast",uuid="${"a".repeat(32)}",backing="parts"} 1`,
        'dmthin_pool_mode{pool="fast",mode="rw"} 1',
        'dmthin_pool_mode{pool="fast",mode="out_of_data_space"} 0',
        'dmthin_pool_data_size_bytes{pool="fast"} 1073741824',
        'dmthin_pool_metadata_used_bytes{pool="fast"} 1048576',
        'dmthin_pool_needs_check{pool="fast"} 0',
        'dmthin_pool_held_metadata_root{pool="fast"} 1',
        'dmthin_pool_promised_bytes{pool="fast"} 536870912',
        'dmthin_pool_volumes{pool="fast"} 2',
        'dmthin_pool_snapshots{pool="fast"} 1',
        'dmthin_pool_warning_threshold_ratio{level="1"} 0.8',
        'dmthin_pool_condition{pool="fast",condition="DataLow"} 0',
      ]),
    );
  });

  test("say 1 for a condition that holds", async () => {
    const pool = openPool({ conditions: [{ type: "DataLow", reason: "filling" }] });
    expect(await shown([pool])).toContain('dmthin_pool_condition{pool="fast",condition="DataLow"} 1');
  });

  test("of one that did not answer are only those that the driver knows by itself", async () => {
    const lines = await shown([openPool({ silence: "no answer within 5 s" })]);
    expect(lines).toContain('dmthin_pool_up{pool="fast"} 0');
    expect(lines).toContain('dmthin_pool_volumes{pool="fast"} 2');
    const kernel = lines.filter((line) => /data_used|metadata|needs_check|pool_mode|transaction/.test(line));
    expect(kernel).toEqual([]);
  });

  test("of one that is not open are that it is not, and why as far as it is a condition", async () => {
    const lines = (await shown([absentPool])).filter((line) => line.includes('pool="slow"'));
    expect(lines).toContain('dmthin_pool_up{pool="slow"} 0');
    expect(lines).toContain('dmthin_pool_condition{pool="slow",condition="DeviceMissing"} 1');
    expect(lines.filter((line) => !/^dmthin_pool_(up|condition)\{/.test(line))).toEqual([]);
  });

  test("forget what is gone", async () => {
    const lines = await shown([openPool()], [absentPool]);
    expect(lines.filter((line) => line.includes('pool="fast"'))).toEqual([]);
    expect(lines).toContain("dmthin_ready 0");
  });
});

test("what a volume in use maps is not shown while the kernel does not answer", async () => {
  const pool = openPool();
  if (pool.kind !== "open") throw new Error("not open");
  const volumes = pool.figures.volumes.map((volume) => ({ ...volume, mapped: bytes(MIB) }));
  const figures = { ...pool.figures, volumes };
  const mapped = async (silence: object): Promise<number> =>
    (await shown([{ ...pool, ...silence, figures }])).filter((line) =>
      line.startsWith("dmthin_volume_mapped"),
    ).length;
  expect([await mapped({}), await mapped({ silence: "no answer" })]).toEqual([2, 1]);
});

test("a volume has its size, whether it is staged, and what it maps where that is known", async () => {
  const lines = (await shown([openPool()])).filter((line) => line.startsWith("dmthin_volume_"));
  const labels = (number: number) =>
    `{pool="fast",volume_id="${volumeIdOf(number)}",name="volume-${number}"}`;
  expect(lines.toSorted()).toEqual([
    `dmthin_volume_mapped_bytes${labels(2)} 10485760`,
    `dmthin_volume_size_bytes${labels(1)} 1073741824`,
    `dmthin_volume_size_bytes${labels(2)} 2147483648`,
    `dmthin_volume_staged${labels(1)} 1`,
    `dmthin_volume_staged${labels(2)} 0`,
  ]);
});

test("no name of a volume can end its label, or its line", async () => {
  const pool = openPool();
  if (pool.kind !== "open") throw new Error("not open");
  const [volume] = pool.figures.volumes;
  if (volume === undefined) throw new Error("no volume");
  const volumes = [{ ...volume, name: 'a"} 1\nevil\\' }];
  const lines = await shown([{ ...pool, figures: { ...pool.figures, volumes, snapshots: [] } }]);
  const labels = String.raw`{pool="fast",volume_id="${volume.id}",name="a\"} 1\nevil\\"}`;
  expect(lines.filter((line) => line.includes("evil"))).toEqual([
    `dmthin_volume_size_bytes${labels} 1073741824`,
    `dmthin_volume_staged${labels} 1`,
  ]);
});
