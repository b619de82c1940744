/** Pools, as text for people. Pure. */
import { formatBytes } from "../core/units.ts";
import type { ReadOpenPool, ReadPool, ReadReport } from "../monitor/report-json.ts";
import { DEFAULT_SIZE } from "../plan/capacity.ts";
import type { Paint } from "./paint.ts";
import type { Cell } from "./table.ts";
import { cell, formatFacts, formatTable, oneLine } from "./table.ts";

const NONE = cell("-", "faint");
export const POOL_HEADINGS = [
  "POOL",
  "STATE",
  "DATA",
  "METADATA",
  "PROMISED",
  "AVAILABLE",
  "VOLUMES",
  "SNAPSHOTS",
];

/** Whether a person should look at it. */
export const isWell = (pool: ReadPool): boolean =>
  pool.kind === "open" &&
  pool.silence === undefined &&
  pool.conditions.length === 0 &&
  pool.figures.state === "ready";

export function showStatus({ node, version, deviceMapper, ready, pools }: ReadReport, paint: Paint): string {
  const facts = formatFacts(
    [
      ["Node", cell(node)],
      ["Driver", cell(`dmthin ${version}`)],
      ["Ready", ready ? cell("yes", "good") : cell("no: no pool is open", "bad")],
      ["Device-mapper", cell(deviceMapper === undefined ? "unknown" : versions(deviceMapper))],
    ],
    paint,
  );
  const troubles = pools.flatMap((pool) =>
    troublesOf(pool).map((trouble) => `${paint("bad", pool.name)}: ${oneLine(trouble)}\n`),
  );
  const notes = pools.flatMap((pool) => notesOf(pool).map((note) => `${pool.name}: ${note}\n`));
  const below = [...troubles, ...notes];
  return `${facts}\n${showPools(pools, paint)}${below.length === 0 ? "" : `\n${below.join("")}`}`;
}

const versions = ({ library, kernel }: NonNullable<ReadReport["deviceMapper"]>): string =>
  `library ${library}, kernel ${kernel}`;

export function showPools(pools: readonly ReadPool[], paint: Paint): string {
  return formatTable(POOL_HEADINGS, pools.map(poolCells), paint);
}

/** Under POOL_HEADINGS. */
export function poolCells(pool: ReadPool): readonly Cell[] {
  if (pool.kind === "absent")
    return [cell(pool.name), stateOf(pool), ...Array.from({ length: POOL_HEADINGS.length - 2 }, () => NONE)];
  const { data, dataLimit, metadata, promised, available, volumes, snapshots } = pool.figures;
  return [
    cell(pool.name),
    stateOf(pool),
    cell(amount(data.used, dataLimit)),
    cell(amount(metadata.used, metadata.size)),
    cell(formatBytes(promised)),
    cell(formatBytes(available)),
    cell(String(volumes.length)),
    cell(String(snapshots.length)),
  ];
}

/** `12 % of 100 GiB`. */
function amount(used: bigint, size: bigint): string {
  return `${size === 0n ? 100n : (used * 100n) / size} % of ${formatBytes(size)}`;
}

function stateOf(pool: ReadPool): Cell {
  if (pool.kind === "absent") return cell("not open", "bad");
  if (pool.silence !== undefined) return cell("no answer", "bad");
  const { state } = pool.figures;
  if (state !== "ready") return cell(state, "bad");
  const [first] = pool.conditions;
  return first === undefined ? cell("ready", "good") : cell(first.type, "bad");
}

/** Sentences, each said once. */
function troublesOf(pool: ReadPool): readonly string[] {
  const lines = pool.conditions.map(({ type, reason }) => `${type}: ${reason}`);
  if (pool.kind === "open" && pool.silence !== undefined)
    lines.unshift(`the kernel does not answer (${pool.silence}); its figures are of ${pool.figures.asOf}`);
  const told = pool.conditions.some(({ reason }) => pool.kind === "absent" && reason === pool.reason);
  if (pool.kind === "absent" && !told) lines.unshift(`not open: ${pool.reason}`);
  return lines;
}

/** What is no trouble. */
const notesOf = (pool: ReadPool): readonly string[] =>
  pool.leftOut === undefined
    ? []
    : ["left out of the configuration; it is kept until the driver is started again"];

/** Everything about one. */
export function showPool(pool: ReadPool, { deviceMapper }: ReadReport, paint: Paint): string {
  const head: readonly (readonly [string, Cell])[] = [
    ["Pool", cell(pool.name)],
    ["State", stateOf(pool)],
    ...troublesOf(pool).map((trouble) => ["Trouble", cell(trouble, "bad")] as const),
    ...notesOf(pool).map((note) => ["Note", cell(note)] as const),
    ["Backing", cell(pool.backing.kind)],
    ...placesOf(pool),
  ];
  if (pool.kind === "absent") return formatFacts(head, paint);
  return formatFacts([...head, ...factsOf(pool), ...versionFacts(deviceMapper)], paint);
}

function placesOf({ backing }: ReadPool): readonly (readonly [string, Cell])[] {
  if (backing.kind === "loop")
    return [
      ["Data file", cell(`${backing.directory}/data.img`)],
      ["Metadata file", cell(`${backing.directory}/metadata.img`)],
    ];
  if (backing.kind === "devices") return [["Disks", cell(backing.selector ?? backing.devices.join(", "))]];
  const { data, metadata, catalog } = backing;
  return [
    ["Data device", cell(data)],
    ["Metadata device", cell(metadata)],
    ["Catalog device", cell(catalog ?? `${metadata} (with the metadata)`)],
  ];
}

const yesNo = (is: boolean): string => (is ? "yes" : "no");

function factsOf({ figures }: ReadOpenPool): readonly (readonly [string, Cell])[] {
  const { data, dataLimit, metadata, devices, heldRoot } = figures;
  const left = (used: bigint, size: bigint): string => formatBytes(size > used ? size - used : 0n);
  const texts: readonly (readonly [string, string])[] = [
    ["UUID", figures.uuid],
    ["Pool device", devices.pool],
    ["Its parts", [devices.data, devices.meta, devices.spare, devices.catalog].join(", ")],
    ["Block size", formatBytes(figures.blockSize)],
    ["Volume size unless asked", formatBytes(DEFAULT_SIZE)],
    ["Data space used", formatBytes(data.used)],
    ["Data space total", formatBytes(data.size)],
    ["Data space available", left(data.used, dataLimit)],
    ["Metadata space used", formatBytes(metadata.used)],
    ["Metadata space total", formatBytes(metadata.size)],
    ["Metadata space available", left(metadata.used, metadata.size)],
    ["Deleted and being discarded", String(figures.deletions)],
    ["Promised", formatBytes(figures.promised)],
    ["Can still be promised", formatBytes(figures.available)],
    ["Overprovision", String(figures.overprovision)],
    ["Mode", figures.mode],
    ["Needs check", yesNo(figures.needsCheck)],
    ["Held metadata root", heldRoot === undefined ? "none" : `block ${heldRoot}`],
    ["Transaction id", String(figures.transactionId)],
    ["When full", figures.whenFull === "error" ? "writes fail" : "writes wait"],
    ["New blocks are zeroed", yesNo(figures.zeroesNewBlocks)],
    ["Discards reach the device", yesNo(figures.passesDiscards)],
    ["Volumes", String(figures.volumes.length)],
    ["Snapshots", String(figures.snapshots.length)],
    ["As of", figures.asOf],
  ];
  return texts.map(([name, value]) => [name, cell(value)] as const);
}

function versionFacts(found: ReadReport["deviceMapper"]): readonly (readonly [string, Cell])[] {
  if (found === undefined) return [];
  return [
    ["Library version", cell(found.library)],
    ["Kernel version of device-mapper", cell(found.kernel)],
  ];
}
