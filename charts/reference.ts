/** docs/reference/chart.md from the schema of the chart's values. Pure. */

export interface ValuesSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ValuesSchema>>;
  readonly enum?: readonly string[];
  readonly additionalProperties?: boolean | ValuesSchema;
}

const BEFORE = `# Values of the chart

For \`helm install dmthin charts/dmthin --values FILE\`, see [install](../guides/install.md). Unknown keys and wrong types are refused. Made
from \`charts/dmthin/values.schema.json\` by \`make generate\`.

There can be one installation in a cluster, and names of objects do not depend on the release's: \`dmthin-node\`, \`dmthin-controller\`. The
objects with their rights: [Kubernetes](kubernetes.md).

| value | default | |
|---|---|---|
`;

const AFTER = `
## StorageClasses

Each entry of \`storageClasses\` has \`name\` (required), \`default\` (whether it is the cluster's), \`reclaimPolicy\` (\`Delete\` unless given, or \`Retain\`),
\`volumeBindingMode\` (\`WaitForFirstConsumer\` unless given, or \`Immediate\`: see [limitations](../limitations.md)), \`fsType\` (\`ext4\` unless given, \`xfs\`,
\`btrfs\`), \`parameters\` (\`pool\`, \`mkfsOptions\`) and \`mountOptions\`: see [StorageClass](storage-class.md). All can grow.

## Nodes that differ

\`\`\`yaml
pools:
  - name: fast
    backing: devices
    devices: [/dev/disk/by-id/nvme-A]
nodes:
  worker-7: # by the Node's name; in place of the pools above, not beside them
    pools:
      - name: fast
        backing: devices
        devices: [/dev/disk/by-id/nvme-B, /dev/disk/by-id/nvme-C]
\`\`\`

Nodes with disks of one kind need no entry each: [\`select\`](configuration.md#select) chooses disks by what they are.

## What a change does

| of | |
|---|---|
| \`pools\`, \`defaultPool\`, \`nodes\` | the drivers take it over while they run, within kubelet's sync period of a minute or two; see [pools](../guides/pools.md) |
| images, \`logLevel\`, ports and others of the pods | pods are replaced: drivers \`node.maxUnavailable\` at a time. Volumes in use go on meanwhile |
| a StorageClass or VolumeSnapshotClass that exists | Kubernetes refuses it: give another a new name |
`;

/** \`defaults\`: of values.yaml. Throws where a value has no description. */
export function referenceOf(schema: ValuesSchema, defaults: unknown): string {
  const rows = rowsOf(schema, defaults, "").map((cells) => `| ${cells.join(" | ")} |\n`);
  return BEFORE + rows.join("") + AFTER;
}

type Row = readonly [name: string, value: string, meaning: string];

function rowsOf({ properties = {} }: ValuesSchema, defaults: unknown, prefix: string): readonly Row[] {
  return Object.entries(properties).flatMap(([key, schema]): readonly Row[] => {
    if (prefix === "" && key === "global") return [];
    const name = `${prefix}${key}`;
    const value = isMapping(defaults) ? defaults[key] : undefined;
    if (schema.properties !== undefined) return rowsOf(schema, value, `${name}.`);
    const { description } = schema;
    if (description === undefined) throw new Error(`values.schema.json says nothing of ${name}`);
    const choices =
      schema.enum === undefined ? "" : `: ${schema.enum.map((each) => `\`${each}\``).join(", ")}`;
    return [[`\`${name}\``, shown(value), `${description}${choices}`.replace(/^: /, "")]];
  });
}

function shown(value: unknown): string {
  if (value === "" || value === undefined) return "";
  if (Array.isArray(value) && value.length === 0) return "";
  if (isMapping(value) && Object.keys(value).length === 0) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value).replaceAll('"', "");
  return text.length > 60 ? "[values.yaml](../../charts/dmthin/values.yaml)" : `\`${text}\``;
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
