/** The cluster's DNS: addresses of services by UDP, `NAME.NAMESPACE.svc.cluster.local`; no other name exists here. RFC 1035. */
import { createSocket } from "node:dgram";
import { CLUSTER_DOMAIN, DNS_ADDRESS } from "./layout.ts";
import type { Services } from "./services.ts";

const HEADER_BYTES = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
const NO_SUCH_NAME = 3;
const TTL_SECONDS = 1;
/** Answer, authoritative, recursion desired and available. */
const FLAGS = 0x8580;
/** Points at the name of the question. */
const NAME_POINTER = 0xc00c;

export interface Question {
  readonly name: string;
  readonly type: number;
  /** Bytes of header and question. */
  readonly end: number;
}

/** Of a query with one question; undefined where it is none. */
export function readQuestion(query: Buffer): Question | undefined {
  if (query.length < HEADER_BYTES + 5 || query.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = query[at++];
    if (length === undefined || length > 63) return undefined;
    if (length === 0) break;
    labels.push(query.toString("latin1", at, at + length));
    at += length;
  }
  if (query.length < at + 4) return undefined;
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at), end: at + 4 };
}

/** `addresses`: undefined where the name does not exist. */
export function writeAnswer(
  query: Buffer,
  { type, end }: Question,
  addresses: readonly string[] | undefined,
): Buffer {
  const records = type === TYPE_A ? (addresses ?? []) : [];
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(FLAGS | (addresses === undefined ? NO_SUCH_NAME : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = records.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(NAME_POINTER, 0);
    record.writeUInt16BE(TYPE_A, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(4, 10);
    Buffer.from(address.split(".").map(Number)).copy(record, 12);
    return record;
  });
  return Buffer.concat([head, ...answers]);
}

/** Until the process ends. */
export function serveNames(services: Services): void {
  const suffix = `.svc.${CLUSTER_DOMAIN}`;
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const question = readQuestion(query);
    if (question === undefined) return;
    const [name = "", namespace = "", ...rest] = question.name.endsWith(suffix)
      ? question.name.slice(0, -suffix.length).split(".")
      : ["", "", ""];
    const addresses = rest.length === 0 ? services.lookUp(namespace, name) : undefined;
    socket.send(writeAnswer(query, question, addresses), from.port, from.address);
  });
  socket.bind(53, DNS_ADDRESS);
}
