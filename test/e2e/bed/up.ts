/** `make cluster`: a bed for a person, until Ctrl-C. Arguments: [--nodes 1|2] [--image ARCHIVE]. */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { installSnapshotController } from "./addons.ts";
import { startBed } from "./cluster.ts";
import { bringTools } from "./tools.ts";

const { values } = parseArgs({
  options: { nodes: { type: "string", default: "2" }, image: { type: "string" } },
});
const tools = bringTools();
const bed = await startBed(tools, {
  nodes: Number(values.nodes),
  ...(values.image === undefined ? {} : { driverImage: values.image }),
});
try {
  await installSnapshotController(tools, bed.kubeconfig);
  console.log(`export KUBECONFIG=${bed.kubeconfig} KUBECTL=${tools.kubectl} DMTHIN_E2E_BED=${bed.program}`);
  console.log("the cluster is up; Ctrl-C ends it");
  const held = setInterval(() => undefined, 1 << 30);
  await Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));
  clearInterval(held);
} finally {
  await bed.stop();
}
