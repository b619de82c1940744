/** Disks of the test kernel as new, between two measurements: neither dmthin nor LVM takes a disk that holds anything. */
import { timed } from "./command.ts";

const MIB = 1 << 20;
/** Labels and tables lie within these, from either end. */
const HEAD_MIB = 16;
const TAIL_MIB = 2;

export async function blank(disk: string): Promise<void> {
  await timed("wipefs", "--all", "--force", "--quiet", disk);
  const size = Number((await timed("blockdev", "--getsize64", disk)).stdout);
  const zero = (seek: number, count: number): Promise<unknown> =>
    timed(
      "dd",
      "if=/dev/zero",
      `of=${disk}`,
      "bs=1M",
      `seek=${seek}`,
      `count=${count}`,
      "oflag=direct",
      "status=none",
    );
  await zero(0, HEAD_MIB);
  await zero(Math.floor(size / MIB) - TAIL_MIB, TAIL_MIB);
  await timed("blockdev", "--rereadpt", disk).catch(() => undefined);
}
