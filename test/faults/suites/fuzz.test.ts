/** Every rpc over the socket, with whatever a broken or hostile caller could send. */
import { readFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TOOL_NAMES } from "../../../src/host/tools.ts";
import { linesOf, type MachineState } from "../../support/machine-state.ts";
import { NodeBench } from "../../support/node-bench.ts";
import { Random } from "../random.ts";
import { Caller, complaintOf, complaintOfTaken } from "../fuzz/caller.ts";
import { strangeCommands, type Argv } from "../fuzz/closed-argv.ts";
import { encode, RPCS, type Message, type Rpc } from "../fuzz/contract.ts";
import { MADE_UP, PRIVATE, privateText } from "../fuzz/hostile-values.ts";
import { LeftCalls } from "../fuzz/left-calls.ts";
import { LIFECYCLE, liveAtRandom } from "../fuzz/lifecycle.ts";
import { mutated } from "../fuzz/mutate.ts";
import { flood, halfOpen } from "../fuzz/connections.ts";
import { ProcessAccounting } from "../fuzz/process-accounting.ts";
import { badPaths, clearTraps, setTraps, trickyPath, useAsPath } from "../fuzz/traps.ts";
import { treeOf } from "../fuzz/tree.ts";
import { Watch } from "../fuzz/watch.ts";
import { damaged } from "../fuzz/wire.ts";
import { World } from "../fuzz/world.ts";
import { figure, given } from "./given.ts";

const { seed, budgetMs, share } = given();
/** Of the whole suite, what is left when a driver was started and everything is taken down again. */
const WORK_MS = share ? 10_000 : budgetMs;
/** What an rpc, damaged bytes and the life of objects get of it. */
const RPCS_MS = WORK_MS * 0.5;
const BYTES_MS = WORK_MS * 0.1;
const PATHS_MS = WORK_MS * 0.1;
const LIFE_MS = WORK_MS * 0.3;
const MIB = 1 << 20;
/** Large messages. */
const AT_ONCE = share ? 2 : 8;
const GROWTH_MIB = 200;
/** What a driver that can be talked into writing anywhere would reach, apart from the directory beside kubelet's. */
const ELSEWHERE = ["/etc", "/opt", "/srv", "/tmp", "/usr/local"];

let bench: NodeBench;
let caller: Caller;
let left: LeftCalls;
let world: World;
let watch: Watch;
let accounting: ProcessAccounting;
let outside: string;
let before: MachineState;
let usual: { readonly openFiles: number; readonly resident: number; readonly tree: readonly string[] };

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "fuzz", dataSize: "6GiB" });
  const { kubeletDirectory: kubelet } = bench;
  outside = `${kubelet}-outside`;
  await setTraps(kubelet, outside);
  caller = new Caller(bench.driver.endpoint);
  left = LeftCalls.of(bench.driver);
  world = new World(bench, badPaths(kubelet));
  // Whatever the driver loads at its first use.
  const first = await bench.life.create("first", "ext4");
  await bench.life.use(first);
  await bench.life.deleteSnapshots(await bench.life.snapshot("first", first));
  await bench.life.end(first);
  before = await bench.state();
  await world.start();
  watch = new Watch(bench.driver);
  usual = {
    openFiles: watch.openFiles(),
    resident: watch.memory().now,
    tree: await treeOf(outside, ...ELSEWHERE),
  };
  accounting = await ProcessAccounting.start("/run/fuzz-accounting");
});
afterAll(async () => {
  caller.close();
  await watch.stop();
  await clearTraps(outside);
  await bench.stop();
});

/** Calls until the time is over; answers what was wrong with the answers. */
async function during(
  ms: number,
  call: (round: number) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const complaints: string[] = [];
  const end = performance.now() + ms;
  for (let round = 0; performance.now() < end && complaints.length < 20; round += 1)
    complaints.push(...(await call(round)));
  return [...complaints, ...watch.takeFailures()];
}

function request(random: Random, rpc: Rpc): Message {
  const message = world.plausible(random);
  return random.chance(0.15) ? message : mutated(random, rpc.request, message, world.source);
}

const fieldsOf = ({ request: { fieldsArray } }: Rpc): number => fieldsArray.length;
const FIELDS = RPCS.reduce((sum, rpc) => sum + fieldsOf(rpc), 0);

/** In another order with each seed. */
const SHUFFLED = RPCS.map((rpc) => ({ rpc, at: new Random(seed, rpc.path).next() }))
  .toSorted((one, other) => one.at - other.at)
  .map(({ rpc }) => rpc);

describe("promise 12: a request that is changed at random is answered by a code of its rpc", () => {
  test.each(SHUFFLED)("$name", async (rpc) => {
    const random = new Random(seed, rpc.name);
    const complaints = await during((RPCS_MS * fieldsOf(rpc)) / FIELDS + 20, async (round) => {
      if (round % 20 === 0) await world.look();
      const message = request(random, rpc);
      const bytes = encode(rpc.request, message);
      const copies = random.chance(0.1) ? 3 : 1;
      const answers = await Promise.all(Array.from({ length: copies }, () => caller.send(rpc, bytes)));
      return answers.flatMap(
        (answer) => complaintOf(rpc.name, answer) ?? complaintOfTaken(rpc.name, message, answer) ?? [],
      );
    });
    expect(complaints).toEqual([]);
  });
});

test("promise 12: a path with a trick in it is acted on by no call of the node", async () => {
  const random = new Random(seed, "paths");
  const { life, kubeletDirectory } = bench;
  const [used, fresh] = [await life.create("staged", "ext4"), await life.create("fresh", "ext4")];
  await life.use(used);
  const complaints = await during(PATHS_MS, () =>
    useAsPath(bench.csi, { used, fresh, path: trickyPath(random, kubeletDirectory, outside) }),
  );
  expect(complaints).toEqual([]);
  await life.end(used);
  await life.delete(fresh);
});

test("promise 12: bytes that are no message are refused as such, whatever rpc they are for", async () => {
  const random = new Random(seed, "bytes");
  const complaints = await during(BYTES_MS, async () => {
    const rpc = random.pick(RPCS) ?? RPCS[0];
    if (rpc === undefined) return ["the contract is empty"];
    // Without anything private: damaged, it may become part of a name, which is logged.
    const { how, bytes } = damaged(random, encode(rpc.request, world.plausible(random)));
    const complaint = complaintOf(rpc.name, await caller.send(rpc, bytes));
    return complaint === undefined ? [] : [`${how}: ${complaint}`];
  });
  expect(complaints).toEqual([]);
});

/** Bytes that nothing decodes: only their number counts. */
const FILLER = 0x1a;

describe("promise 12: a message", () => {
  const byName = (name: string): Rpc => {
    const rpc = RPCS.find((each) => each.name === name);
    if (rpc === undefined) throw new Error(`no rpc ${name}`);
    return rpc;
  };
  const create = byName("CreateVolume");
  const many = (field: string, part: unknown, count: number): Buffer =>
    encode(create.request, { name: "large", [field]: Array.from({ length: count }, () => part) });
  const map = (field: string, count: number): Buffer => {
    const entries = Array.from({ length: count }, (_, index) => [`${PRIVATE}${index}`, PRIVATE]);
    return encode(create.request, { name: "large", [field]: Object.fromEntries(entries) as Message });
  };

  test.each([
    ["with a name of 900 KiB", () => encode(create.request, { name: MADE_UP.repeat(150_000) })],
    ["with 500,000 empty capabilities", () => many("volume_capabilities", {}, 500_000)],
    ["with a topology of 5,000 nodes", () => encode(create.request, { name: "large", ...topologyOf(5000) })],
    ["with 20,000 parameters", () => map("parameters", 20_000)],
    ["with 20,000 secrets", () => map("secrets", 20_000)],
  ])("%s is judged, several at once too", async (_what, make) => {
    const bytes = make();
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => caller.send(create, bytes)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(["INVALID_ARGUMENT"]));
    expect(watch.takeFailures()).toEqual([]);
  });

  test.each(share ? [3 * MIB] : [3 * MIB, 5 * MIB, 20 * MIB])(
    "of %d bytes is not taken at all",
    async (length) => {
      for (const rpc of [create, byName("Probe")]) {
        const { code, details } = await caller.send(rpc, Buffer.alloc(length, FILLER));
        expect(code).toBe("RESOURCE_EXHAUSTED");
        expect(details).toMatch(/larger than max/);
      }
      expect(watch.takeFailures()).toEqual([]);
    },
  );
});

const topologyOf = (nodes: number): object => {
  const requisite = Array.from({ length: nodes }, (_, index) => ({
    segments: { "topology.dmthin.io/node": `node-${index}.of.a.cluster.with.long.names.example` },
  }));
  return { accessibility_requirements: { requisite, preferred: requisite } };
};

test("promise 12: connections and calls that never end keep nobody out, and leave no descriptor behind", async () => {
  const socket = bench.driver.endpoint.replace("unix://", "");
  const calls = RPCS.map(({ path }) => path);
  const open = [
    await halfOpen(socket, { connections: share ? 20 : 100, streams: 20, paths: calls }),
    await flood(socket, { connections: share ? 20 : 200 }),
  ];
  const { code } = await caller.start("/csi.v1.Identity/Probe", Buffer.alloc(0)).answer;
  expect(code).toBe("OK");
  for (const each of open) await each.close();
  await expect.poll(() => watch.openFiles(), { timeout: 20_000 }).toBeLessThanOrEqual(usual.openFiles + 5);
  expect(watch.takeFailures()).toEqual([]);
});

test("promise 12: services and methods that there are not are answered so", async () => {
  for (const path of [
    "/csi.v1.SnapshotMetadata/GetMetadataAllocated",
    "/csi.v0.Identity/Probe",
    "/x",
    "/csi.v1.Node/",
  ])
    expect((await caller.start(path, Buffer.alloc(0)).answer).code).toBe("UNIMPLEMENTED");
});

test("promises 11, 4: calls of a lifecycle in any order, some thrice, some cut short, are answered by their codes", async () => {
  const random = new Random(seed, "life");
  const rpcs = RPCS.filter(({ name }) => LIFECYCLE.has(name));
  const complaints = await during(LIFE_MS, async () => {
    await world.look();
    return liveAtRandom(caller, {
      random,
      rpcs,
      message: () => world.plausible(random),
      learn: (message, response) => world.learn(message, response),
      private: privateText,
    });
  });
  expect(complaints).toEqual([]);
});

test("promises 4, 11: all that there is can be taken down in order, and nothing is left", async () => {
  await left.ended(caller);
  await world.clear();
  expect(await bench.state()).toEqual(before);
});

const logOf = async (): Promise<readonly string[]> => linesOf(await readFile(bench.driver.log, "utf8"));

describe("promise 12: when all that is over,", () => {
  test("no programs ran but the known tools", async () => {
    const known: ReadonlySet<string> = new Set(TOOL_NAMES);
    const names = await accounting.stop();
    expect(names).toContain("dmsetup");
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test("no command line holds anything but a closed set of arguments and checked paths", async () => {
    const commands = (await logOf())
      .filter((line) => line.includes('"msg":"command"'))
      .map((line) => (JSON.parse(line) as { readonly argv: Argv }).argv);
    const own = [
      bench.kubeletDirectory.replace(/\/kubelet$/, ""),
      process.env["DMTHIN_SCRATCH"] ?? "/missing",
    ];
    expect(commands.length).toBeGreaterThan(100);
    expect(strangeCommands(commands, { kubelet: bench.kubeletDirectory, own })).toEqual([]);
    expect(commands.filter((argv) => argv.some((arg) => arg.includes(MADE_UP)))).toEqual([]);
  });

  test("no secret and no map of a request is in the log", async () => {
    const lines = await logOf();
    expect(lines.some((line) => line.includes(MADE_UP))).toBe(true);
    expect(lines.filter((line) => line.includes(PRIVATE))).toEqual([]);
  });

  test("nothing outside of kubelet's directory was touched", async () => {
    expect(await treeOf(outside, ...ELSEWHERE)).toEqual(usual.tree);
  });

  test("the driver has not grown without bound", async () => {
    const { now, most } = watch.memory();
    figure(`RSS ${usual.resident} MiB before, ${most} MiB at most, ${now} MiB after`);
    expect(now).toBeLessThan(usual.resident + GROWTH_MIB);
  });

  test("it is the same process, and has answered Probe all the time", () => {
    figure(`answers: ${caller.summary()}`);
    figure(`${watch.answers} probes, the longest ${watch.longestMs} ms`);
    expect(watch.takeFailures()).toEqual([]);
    expect(watch.answers).toBeGreaterThan(10);
  });
});
