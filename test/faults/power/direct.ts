/** Memory that direct I/O takes: it has to be aligned, and Node's buffers are not. */

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
