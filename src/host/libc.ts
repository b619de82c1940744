/**
 * The few functions of the C library that start a process without copying ours (docs/adr/0024-posix-spawn.md). Called
 * through `node:ffi`, which is experimental: where it is missing, turned off (`--no-experimental-ffi`), or does not do what
 * it says, there is no libc, and processes are started by fork.
 */
import { isMainThread } from "node:worker_threads";

const INT = { return: "i32" } as const;

const FUNCTIONS = {
  getpid: { ...INT, arguments: [] },
  pipe2: { ...INT, arguments: ["pointer", "i32"] },
  close: { ...INT, arguments: ["i32"] },
  waitpid: { ...INT, arguments: ["i32", "pointer", "i32"] },
  sigfillset: { ...INT, arguments: ["pointer"] },
  posix_spawn: { ...INT, arguments: ["pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] },
  posix_spawnattr_init: { ...INT, arguments: ["pointer"] },
  posix_spawnattr_setflags: { ...INT, arguments: ["pointer", "i16"] },
  posix_spawnattr_setsigdefault: { ...INT, arguments: ["pointer", "pointer"] },
  posix_spawnattr_setsigmask: { ...INT, arguments: ["pointer", "pointer"] },
  posix_spawn_file_actions_init: { ...INT, arguments: ["pointer"] },
  posix_spawn_file_actions_destroy: { ...INT, arguments: ["pointer"] },
  posix_spawn_file_actions_addopen: { ...INT, arguments: ["pointer", "i32", "pointer", "i32", "u32"] },
  posix_spawn_file_actions_adddup2: { ...INT, arguments: ["pointer", "i32", "i32"] },
  posix_spawn_file_actions_addclose: { ...INT, arguments: ["pointer", "i32"] },
  posix_spawn_file_actions_addchdir_np: { ...INT, arguments: ["pointer", "pointer"] },
} as const;

type Ffi = NonNullable<ReturnType<typeof loadFfi>>;

const bind = (ffi: Ffi) => ffi.dlopen(null, FUNCTIONS).functions;

export interface Libc {
  /** Each answers what the C function answers: 0 or an error number, or what its manual says. */
  readonly call: ReturnType<typeof bind>;
  /** Of memory that must be held until the call it is given to has returned. */
  address(memory: Buffer): bigint;
}

/** Undefined in a worker thread too: signals, SIGCHLD among them, reach the main thread only. */
export function loadLibc(): Libc | undefined {
  if (!isMainThread) return undefined;
  try {
    const ffi = loadFfi();
    if (ffi === undefined) return undefined;
    const call = bind(ffi);
    const address = (memory: Buffer): bigint => ffi.getRawPointer(memory);
    return call.getpid() === process.pid ? { call, address } : undefined;
  } catch {
    return undefined;
  }
}

/** Without its warning, which would be on the standard error of every command. */
function loadFfi() {
  const warn = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:ffi");
  } finally {
    process.emitWarning = warn;
  }
}

const ALIGNMENT = 16;
const POINTER_BYTES = 8;
const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/**
 * Memory for calls, in one piece, zeroed. The object has to be in use until a call has returned: reading from it afterwards
 * sees to that.
 */
export class Memory {
  readonly #bytes: Buffer;
  readonly #base: bigint;
  #used = 0;

  constructor(libc: Libc, size: number) {
    // Of its own, not of Node's pool of small ones; it neither moves nor is shared.
    this.#bytes = Buffer.alloc(aligned(size) + 16 * ALIGNMENT);
    this.#base = libc.address(this.#bytes);
  }

  /** Bytes enough for these, and for lists of them. */
  static sizeOf(texts: readonly string[]): number {
    return texts.reduce(
      (sum, text) => sum + aligned(Buffer.byteLength(text) + 1) + 2 * ALIGNMENT,
      4 * ALIGNMENT,
    );
  }

  /** The address of that many bytes. Throws RangeError where there are not so many left. */
  space(size: number): bigint {
    const at = this.#used;
    if (at + size > this.#bytes.length) throw new RangeError("more memory asked for than was set aside");
    this.#used += aligned(size);
    return this.#base + BigInt(at);
  }

  /** The address of a C string. */
  text(text: string): bigint {
    const address = this.space(Buffer.byteLength(text) + 1);
    this.#bytes.write(text, this.#offset(address));
    return address;
  }

  /** The address of a list of C strings that ends with a null. */
  texts(texts: readonly string[]): bigint {
    const list = this.space((texts.length + 1) * POINTER_BYTES);
    const offset = this.#offset(list);
    texts.forEach((text, index) =>
      this.#bytes.writeBigUInt64LE(this.text(text), offset + index * POINTER_BYTES),
    );
    return list;
  }

  int(address: bigint): number {
    return this.#bytes.readInt32LE(this.#offset(address));
  }

  #offset(address: bigint): number {
    return Number(address - this.#base);
  }
}
