/** Content of volumes: random data with its checksum, through filesystems and by direct I/O on raw devices. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";

import { run } from "./machine-state.ts";

const MIB = 1 << 20;

/** Random bytes, on the disk when this resolves. Answers their sha256. */
export async function writeRandom(path: string, mebibytes: number): Promise<string> {
  const content = randomBytes(mebibytes * MIB);
  const file = await open(path, "w");
  try {
    await file.write(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return createHash("sha256").update(content).digest("hex");
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Random bytes to a place in a raw device, past the page cache. Answers their sha256. */
export async function writeRaw(device: string, at: { mebibyte: number; count: number }): Promise<string> {
  const directory = await mkdtemp("/tmp/dmthin-content-");
  try {
    const content = randomBytes(at.count * MIB);
    await writeFile(`${directory}/content`, content);
    const place = [`seek=${at.mebibyte}`, `count=${at.count}`, "bs=1M"];
    await run(
      "dd",
      `if=${directory}/content`,
      `of=${device}`,
      ...place,
      "oflag=direct",
      "conv=notrunc,fsync",
    );
    return createHash("sha256").update(content).digest("hex");
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The sha256 of what is there, read past the page cache. */
export async function sha256Raw(device: string, at: { mebibyte: number; count: number }): Promise<string> {
  const directory = await mkdtemp("/tmp/dmthin-content-");
  try {
    const place = [`skip=${at.mebibyte}`, `count=${at.count}`, "bs=1M"];
    await run("dd", `if=${device}`, `of=${directory}/content`, ...place, "iflag=direct");
    return await sha256(`${directory}/content`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** What that many zero bytes have. */
export const sha256OfZeros = (mebibytes: number): string =>
  createHash("sha256")
    .update(Buffer.alloc(mebibytes * MIB))
    .digest("hex");
