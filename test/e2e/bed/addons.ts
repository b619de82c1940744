/** What a cluster has before a CSI driver comes: the definitions of snapshots, and the controller that answers them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Tools } from "./tools.ts";

const LABELS = { "app.kubernetes.io/name": "snapshot-controller" };

/** kubectl with a kubeconfig: its output. Throws with what it said where it fails. */
export async function kubectl(
  tools: Tools,
  config: string,
  args: readonly string[],
  input = "",
): Promise<string> {
  const child = spawn(tools.kubectl, ["--kubeconfig", config, ...args], { stdio: "pipe" });
  child.stdin.end(input);
  const [output, complaint] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (child.exitCode !== 0)
    throw new Error(`kubectl ${args.slice(0, 2).join(" ")}: ${complaint.slice(-2000)}`);
  return output;
}

/** Resolves when the controller runs. */
export async function installSnapshotController(tools: Tools, config: string): Promise<void> {
  const version = tools.sidecars.find(({ name }) => name === "snapshot-controller")?.version ?? "";
  const files = tools.snapshotManifests.flatMap((file) => ["-f", file]);
  await kubectl(tools, config, ["apply", "--server-side", ...files]);
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "snapshot-controller", namespace: "kube-system" },
    spec: {
      replicas: 1,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          serviceAccountName: "snapshot-controller",
          containers: [
            {
              name: "snapshot-controller",
              image: `registry.k8s.io/sig-storage/snapshot-controller:${version}`,
              args: ["--v=4", "--feature-gates=CSIVolumeGroupSnapshot=true"],
              imagePullPolicy: "IfNotPresent",
            },
          ],
        },
      },
    },
  };
  await kubectl(tools, config, ["apply", "-f", "-"], JSON.stringify(deployment));
  await kubectl(tools, config, [
    "-n",
    "kube-system",
    "rollout",
    "status",
    "deployment/snapshot-controller",
    "--timeout=120s",
  ]);
}
