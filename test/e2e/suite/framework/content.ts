/**
 * What is in a volume, found out in the pod. Scripts are constant; what varies comes as arguments ("$1"), so that nothing is
 * ever put into a shell's text. They need a POSIX shell with the tools of coreutils or busybox.
 */
import { DEVICE_PATH, MOUNT_PATH } from "./manifests.ts";
import { expect, type World } from "./world.ts";

const MEBIBYTE = 1024n * 1024n;

const script = (text: string, ...args: readonly string[]): readonly string[] => [
  "sh",
  "-c",
  text,
  "sh",
  ...args,
];

const WRITE = `dd if=/dev/urandom of="$1" bs=1048576 count="$2" conv=fsync,notrunc 2>/dev/null && head -c "$3" "$1" | sha256sum`;
const READ = `head -c "$2" "$1" | sha256sum`;

export interface Content {
  readonly path: string;
  readonly mebibytes: number;
  readonly sha256: string;
}

/** Writes random data with fsync, and says what was written. A path of a device is written from its beginning. */
export async function writeContent(
  world: World,
  pod: string,
  { path = `${MOUNT_PATH}/content`, mebibytes = 16 } = {},
): Promise<Content> {
  const bytes = String(BigInt(mebibytes) * MEBIBYTE);
  const printed = await world.exec(pod, script(WRITE, path, String(mebibytes), bytes));
  return { path, mebibytes, sha256: digestIn(printed) };
}

/** Throws where it is not what was written. */
export async function expectContent(world: World, pod: string, content: Content): Promise<void> {
  const bytes = String(BigInt(content.mebibytes) * MEBIBYTE);
  const printed = await world.exec(pod, script(READ, content.path, bytes));
  expect(
    digestIn(printed) === content.sha256,
    `${content.path} in ${pod} is not what was written: ${printed}, expected ${content.sha256}`,
  );
}

function digestIn(text: string): string {
  const digest = /^[0-9a-f]{64}\b/.exec(text.trim())?.[0];
  expect(digest !== undefined, `no checksum: ${text}`);
  return digest;
}

/** Bytes of the filesystem, as df has them. */
export async function filesystemSize(world: World, pod: string): Promise<bigint> {
  const printed = await world.exec(pod, ["df", "-P", "-k", MOUNT_PATH]);
  const blocks = printed.split("\n").at(-1)?.split(/\s+/)[1] ?? "";
  expect(/^\d+$/.test(blocks), `df said: ${printed}`);
  return BigInt(blocks) * 1024n;
}

/** Bytes of the raw device. */
export async function deviceSize(world: World, pod: string): Promise<bigint> {
  return BigInt(await world.exec(pod, ["blockdev", "--getsize64", DEVICE_PATH]));
}

export interface MountEntry {
  readonly device: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** What is mounted where the volume is. */
export async function mountOf(world: World, pod: string): Promise<MountEntry> {
  const lines = (await world.exec(pod, ["cat", "/proc/mounts"])).split("\n").map((line) => line.split(" "));
  const found = lines.find(([, path]) => path === MOUNT_PATH);
  expect(found !== undefined, `nothing is mounted at ${MOUNT_PATH}`);
  return { device: found[0] ?? "", type: found[2] ?? "", options: (found[3] ?? "").split(",") };
}

const UNITS: Readonly<Record<string, bigint>> = {
  "": 1n,
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
};

/** Bytes of a quantity such as 512Mi, of those units that sizes here have. */
export function bytesOf(quantity: string): bigint {
  const parts = /^(\d+)(Ki|Mi|Gi|Ti|)$/.exec(quantity);
  const unit = UNITS[parts?.[2] ?? "none"];
  if (parts?.[1] === undefined || unit === undefined) throw new Error(`not a size: ${quantity}`);
  return BigInt(parts[1]) * unit;
}
