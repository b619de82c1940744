/** Heads of devices, from captured superblocks. */
import { readFileSync } from "node:fs";

import { PROBED_BYTES } from "../../src/host/superblock.ts";

const DIRECTORY = new URL("../fixtures/", import.meta.url);

/** A whole head: what the capture does not name is zeros. Several captures lie on top of each other. */
export function deviceHead(...names: readonly string[]): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(PROBED_BYTES);
  for (const name of names) {
    const lines = readFileSync(new URL(`${name}.superblock`, DIRECTORY), "utf8")
      .trim()
      .split("\n");
    for (const line of lines) {
      const [offset = "", row = ""] = line.split(" ");
      head.set(Uint8Array.fromHex(row), Number.parseInt(offset, 16));
    }
  }
  return head;
}

/** As `od` prints it, in rows of eight numbers of eight bytes. */
export function odOutput(head: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < head.length; at += 64)
    rows.push(
      ` ${head
        .slice(at, at + 64)
        .toHex()
        .replaceAll(/(?<=^(?:.{16})+)(?=.)/g, " ")}\n`,
    );
  return rows.join("");
}
