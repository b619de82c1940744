/** Sends bytes as the request of an rpc, whatever they are, and judges the answer. */
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";

import type { Message, Rpc } from "./contract.ts";
import { legalCodes, type Code } from "./legal-codes.ts";
import { GOOD_FLAGS, GOOD_MKFS_OPTIONS } from "./mutate.ts";

export interface RawAnswer {
  readonly code: Code;
  readonly details: string;
  /** Of the response, where there is one. */
  readonly body?: Buffer;
}

export interface RawCall {
  readonly answer: Promise<RawAnswer>;
  cancel(): void;
}

const DEADLINE_MS = 60_000;
const same = (bytes: Buffer): Buffer => bytes;

export class Caller {
  readonly #client: Client;
  readonly #codes = new Map<Code, number>();

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      // A connection of its own for each caller.
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  start(path: string, bytes: Buffer, deadlineMs = DEADLINE_MS): RawCall {
    const { promise, resolve } = Promise.withResolvers<RawAnswer>();
    const options = { deadline: Date.now() + deadlineMs };
    const done = (error: ServiceError | null, body?: Buffer): void => {
      const code = status[error?.code ?? status.OK] as Code;
      this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
      resolve({ code, details: error?.details ?? "", ...(body === undefined ? {} : { body }) });
    };
    const call = this.#client.makeUnaryRequest(path, same, same, bytes, new Metadata(), options, done);
    return { answer: promise, cancel: () => call.cancel() };
  }

  send(rpc: Rpc, bytes: Buffer, deadlineMs?: number): Promise<RawAnswer> {
    return this.start(rpc.path, bytes, deadlineMs).answer;
  }

  /** How often each code was answered: `OK 812, NOT_FOUND 17`. */
  summary(): string {
    const counts = [...this.#codes].toSorted(([, one], [, other]) => other - one);
    return counts.map(([code, count]) => `${code} ${count}`).join(", ");
  }

  close(): void {
    this.#client.close();
  }
}

/** Where the caller itself gave up, any of its codes; `late` and `cancelled` say so. */
export interface Patience {
  readonly late?: boolean;
  readonly cancelled?: boolean;
}

/** Undefined where the answer is legal: the rpc may give that code, and a failure says why in one short line. */
export function complaintOf(
  rpc: string,
  { code, details }: RawAnswer,
  patience: Patience = {},
): string | undefined {
  if (code === "DEADLINE_EXCEEDED" && patience.late === true) return undefined;
  if (code === "CANCELLED" && patience.cancelled === true) return undefined;
  if (!legalCodes(rpc).includes(code)) return `${rpc} answered ${code}: ${details}`;
  if (code === "OK") return undefined;
  if (details === "" || details.length > 1000 || /\p{Cc}/u.test(details))
    return `${rpc} answered ${code} with no proper message: ${JSON.stringify(details)}`;
  return undefined;
}

/** Undefined unless what was made or mounted has a name or an option that nothing may have. */
export function complaintOfTaken(rpc: string, message: Message, { code }: RawAnswer): string | undefined {
  if (code !== "OK" || !/^(Create|NodeStage|NodePublish)/.test(rpc)) return undefined;
  const { name, parameters, volume_capability, volume_capabilities = [] } = message as Taken;
  const capabilities = rpc.startsWith("Node") ? [volume_capability] : volume_capabilities;
  const flags = capabilities.flatMap((each) => each?.mount?.mount_flags ?? []);
  // Raw block volumes may share a StorageClass with others, whose options nobody looks at then.
  const mounted = capabilities.some((each) => each?.mount !== undefined);
  const bad = [
    ...(rpc.startsWith("Create") && !isName(name) ? [name] : []),
    ...(rpc === "CreateVolume" && mounted && !isMkfsOptions(parameters?.["mkfsOptions"]) ? [parameters] : []),
    ...(rpc.startsWith("Create") && rpc !== "CreateVolume" ? [] : flags.filter((flag) => !isFlag(flag))),
  ];
  return bad.length === 0 ? undefined : `${rpc} took ${JSON.stringify(bad).slice(0, 300)}`;
}

interface Taken {
  readonly name?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly volume_capability?: TakenCapability;
  readonly volume_capabilities?: readonly TakenCapability[];
}
type TakenCapability = { readonly mount?: { readonly mount_flags?: readonly string[] } } | undefined;

const isName = (name = ""): boolean =>
  name !== "" && Buffer.byteLength(name) <= 128 && !/[\p{Cc}/]/u.test(name);
const isMkfsOptions = (text = ""): boolean => text.trim() === "" || GOOD_MKFS_OPTIONS.includes(text);
const isFlag = (flag: string): boolean => GOOD_FLAGS.includes(flag);
