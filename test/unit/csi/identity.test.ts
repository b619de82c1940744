import { Client, credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadCsi } from "../../../src/csi/proto.ts";
import { memoryPools } from "../../support/memory-pool.ts";
import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

test("the driver has its permanent name, which CSI lets begin and end with a letter", async () => {
  const { name, vendor_version } = await bench.client.identity.getPluginInfo({});
  expect(name).toBe("csi.dmthin.io");
  expect(name).toMatch(/^[a-zA-Z][A-Za-z0-9-._]{0,61}[a-zA-Z]$/);
  expect(vendor_version).toBe("1.2.3");
});

test("the driver claims what it serves, and no snapshot metadata", async () => {
  const { capabilities } = await bench.client.identity.getPluginCapabilities({});
  expect(capabilities).toEqual([
    { type: "service", service: { type: "CONTROLLER_SERVICE" } },
    { type: "service", service: { type: "VOLUME_ACCESSIBILITY_CONSTRAINTS" } },
    { type: "service", service: { type: "GROUP_CONTROLLER_SERVICE" } },
    { type: "volume_expansion", volume_expansion: { type: "ONLINE" } },
  ]);
});

test("snapshot metadata is UNIMPLEMENTED", async () => {
  const { path, requestSerialize, responseDeserialize } = loadCsi().SnapshotMetadata.GetMetadataAllocated;
  const raw = new Client(bench.endpoint, credentials.createInsecure());
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error) => resolve(error?.code));
  await expect(promise).resolves.toBe(status.UNIMPLEMENTED);
  raw.close();
});

describe("Probe", () => {
  const ready = async (): Promise<boolean | undefined> =>
    (await bench.client.identity.probe({})).ready?.value;

  test("is not ready while the pools are being opened", async () => {
    bench.pools = undefined;
    expect(await ready()).toBe(false);
  });

  test("is ready though one of the pools is missing", async () => {
    bench.pools = memoryPools([bench.fast], ["slow"]);
    expect(await ready()).toBe(true);
  });

  test("is not ready without any pool", async () => {
    bench.pools = memoryPools([], ["fast", "slow"]);
    expect(await ready()).toBe(false);
  });
});
