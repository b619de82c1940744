/** Memory that direct I/O takes: it has to be aligned, and Node's buffers are not. */

import { closeSync, constants, openSync, readSync } from "node:fs";

/** What Node has and its types do not say. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

const PAGE = 64 << 10;

/** Zeroed; its address is a multiple of the page size, as that of all WebAssembly memory. */
export function alignedBuffer(bytes: number): Buffer {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  return Buffer.from(memory.buffer, 0, bytes);
}

/** What lies on a device or in a file now, whatever the page cache says. Offset and length are multiples of 4 KiB. */
export function readDirect(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
  try {
    const content = alignedBuffer(length);
    readSync(file, content, 0, length, offset);
    return content;
  } finally {
    closeSync(file);
  }
}
