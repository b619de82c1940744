import { describe, expect, test } from "vitest";

import { devNumber } from "../../../src/core/dm.ts";
import { NoRoomError, OutcomeUnknownError, PreconditionError, ToolError } from "../../../src/core/errors.ts";
import type { DmName } from "../../../src/core/ids.ts";
import { keyOf, poolDeviceName, thinDeviceName, thinDeviceUuid } from "../../../src/core/ids.ts";
import { sectors } from "../../../src/core/units.ts";
import { Dmsetup } from "../../../src/host/dmsetup.ts";
import type { Runner } from "../../../src/host/run.ts";
import type { Plan } from "../../../src/plan/step.ts";
import type { Hands } from "../../../src/pool/execute.ts";
import { perform } from "../../../src/pool/execute.ts";
import { MessageQueue } from "../../../src/pool/queue.ts";
import { ThinDevices } from "../../../src/pool/thin-devices.ts";
import { POOL_NAME, POOL_UUID, thin, volumeIdOf } from "../../support/records.ts";

const POOL = poolDeviceName(POOL_NAME, "pool");
const GOOD = "0 8388608 thin-pool 0 1652/16384 0/65536 - rw discard_passdown error_if_no_space - 1024 \n";
const origin = thinDeviceName(POOL_NAME, keyOf(volumeIdOf(1)));
const uuid = thinDeviceUuid(POOL_UUID, keyOf(volumeIdOf(1)));

type Bench = { readonly hands: Hands; readonly log: string[] };

/** Hands whose dmsetup answers by script; everything that happens is logged in order. */
function bench(
  answers: {
    readonly status?: string;
    readonly fails?: Readonly<Record<string, string>>;
    readonly verdict?: "disarmed" | "fired";
    readonly resumedBySomebody?: boolean;
  } = {},
): Bench {
  const log: string[] = [];
  const runner: Runner = {
    started: 0,
    holding: () => runner,
    run: async (tool, args) => {
      const line = [tool, ...args].join(" ");
      log.push(line);
      const errno = Object.entries(answers.fails ?? {}).find(([text]) => line.includes(text))?.[1];
      if (errno !== undefined)
        throw new ToolError({ argv: [tool, ...args], exitCode: 1, stderr: errno, errno });
      if (line.includes(`status`) && line.includes(POOL))
        return { stdout: answers.status ?? GOOD, stderr: "", exitCode: 0 };
      if (line.includes("status"))
        return { stdout: "0 2097152 thin 132480 2097151\n", stderr: "", exitCode: 0 };
      return { stdout: "", stderr: "", exitCode: 0 };
    },
  };
  const dmsetup = new Dmsetup(runner);
  const queue = new MessageQueue("fast", 1000);
  const hands: Hands = {
    poolDevice: POOL,
    dmsetup,
    runner,
    guard: {
      arm: async (request) => {
        log.push(
          `arm ${request.devices.map((each) => each.name).join(" ")} [${request.mountPoints.join(" ")}]`,
        );
        return {
          fire: () => void log.push("fire"),
          disarm: async () => {
            log.push("disarm");
            return answers.verdict ?? "disarmed";
          },
        };
      },
      close: () => {},
    },
    queue,
    isSuspended: () => answers.resumedBySomebody !== true,
    devices: new ThinDevices({
      dmsetup,
      queue,
      poolDevice: POOL,
      poolNumber: devNumber(254, 0),
      poolName: POOL_NAME,
      poolUuid: POOL_UUID,
      onInactive: () => {},
    }),
    record: async (changes) => {
      log.push(`record ${changes.map((each) => each.kind).join(" ")}`);
    },
    onStatus: () => {},
    requireUsable: () => {},
    freeze: (reason) => {
      log.push(`freeze: ${reason}`);
    },
    fenceOff: (reason) => log.push(`fence off: ${reason}`),
    afterStep: async () => {},
  };
  return { hands, log };
}

const snapshotPlan = (mountPoint?: string, freezeMount = false): Plan => [
  {
    kind: "while-suspended",
    suspensions: [{ device: origin, uuid, freezeMount, ...(mountPoint === undefined ? {} : { mountPoint }) }],
    steps: [
      { kind: "measure", device: origin, thinId: thin(1) },
      { kind: "create-snap", thinId: thin(2), origin: thin(1) },
    ],
  },
];

describe("a kernel message", () => {
  test("is acknowledged only after the pool's status was read", async () => {
    const { hands, log } = bench();
    await perform([{ kind: "create-thin", thinId: thin(5) }], hands);
    expect(log).toEqual([
      `dmsetup message ${POOL} 0 create_thin 5`,
      expect.stringMatching(/^dmsetup status .*--noflush/),
    ]);
  });

  test.each([
    ["needs_check", GOOD.replace("- 1024", "needs_check 1024"), /needs a check/],
    ["read-only", GOOD.replace(" rw ", " ro "), /read-only/],
    ["failed", "0 8388608 thin-pool Fail\n", /failed/],
  ])(
    "that returned 0 on a pool now %s is no commit: frozen, outcome unknown",
    async (_title, status, reason) => {
      const { hands, log } = bench({ status });
      const done = perform([{ kind: "create-thin", thinId: thin(5) }], hands);
      await expect(done).rejects.toThrow(OutcomeUnknownError);
      await expect(done).rejects.toThrow(reason);
      expect(log.at(-1)).toMatch(/^freeze: /);
    },
  );

  test("on a pool out of data space is a commit all the same", async () => {
    const { hands } = bench({ status: GOOD.replace(" rw ", " out_of_data_space ") });
    await expect(perform([{ kind: "delete-thin", thinId: thin(5) }], hands)).resolves.toBeDefined();
  });

  test.each([
    ["create_thin of an earlier try", { kind: "create-thin", thinId: thin(5), again: true }, "EEXIST"],
    ["delete of what is gone", { kind: "delete-thin", thinId: thin(5) }, "ENODATA"],
  ] as const)("counts as done: %s", async (_title, step, errno) => {
    const { hands } = bench({ fails: { message: errno } });
    await expect(perform([step], hands)).resolves.toBeDefined();
  });

  test.each([
    ["create_thin refused", { kind: "create-thin", thinId: thin(5) }, "EOPNOTSUPP", OutcomeUnknownError],
    ["delete of an active thin", { kind: "delete-thin", thinId: thin(5) }, "EBUSY", PreconditionError],
    [
      "a transaction id that is not ours",
      { kind: "set-transaction-id", from: 1n, to: 2n },
      "EINVAL",
      OutcomeUnknownError,
    ],
  ] as const)("fails: %s", async (_title, step, errno, error) => {
    const { hands } = bench({ fails: { message: errno } });
    await expect(perform([step], hands)).rejects.toThrow(error);
  });
});

test("a compare-and-swap whose first answer was lost counts as done", async () => {
  const { hands } = bench({
    fails: { message: "EINVAL" },
    status: GOOD.replace("thin-pool 0 ", "thin-pool 2 "),
  });
  await expect(perform([{ kind: "set-transaction-id", from: 1n, to: 2n }], hands)).resolves.toBeDefined();
});

describe("the suspend bracket", () => {
  test("syncs, arms, suspends, measures, cuts, resumes, disarms, reads the status, in this order", async () => {
    const { hands, log } = bench();
    const measured = await perform(snapshotPlan("/mnt/a"), hands);
    expect(measured.get(thin(1))).toBe(132_480n);
    expect(log).toEqual([
      "sync --file-system /mnt/a",
      `arm ${origin} []`,
      `dmsetup suspend ${origin}`,
      expect.stringMatching(new RegExp(`^dmsetup status .*${origin}`)),
      `dmsetup message ${POOL} 0 create_snap 2 1`,
      `dmsetup resume ${origin}`,
      "disarm",
      expect.stringMatching(/^dmsetup status .*--noflush/),
    ]);
  });

  test("freezes by the mount point where device suspend would not, and thaws after resuming", async () => {
    const { hands, log } = bench();
    await perform(snapshotPlan("/mnt/b", true), hands);
    const order = log.filter((line) => /fsfreeze|suspend|resume|arm/.test(line));
    expect(order).toEqual([
      `arm ${origin} [/mnt/b]`,
      "fsfreeze --freeze /mnt/b",
      `dmsetup suspend --nolockfs ${origin}`,
      `dmsetup resume ${origin}`,
      "fsfreeze --unfreeze /mnt/b",
      "disarm",
    ]);
  });

  test.each([
    ["the cut fails", { create_snap: "EIO" }, OutcomeUnknownError],
    ["the suspend fails", { [`suspend ${origin}`]: "EIO" }, ToolError],
    ["somebody froze the filesystem", { [`suspend ${origin}`]: "EBUSY" }, PreconditionError],
  ])("resumes whatever happens: %s", async (_title, fails, error) => {
    const { hands, log } = bench({ fails });
    await expect(perform(snapshotPlan(), hands)).rejects.toThrow(error);
    expect(log.filter((line) => line.startsWith("dmsetup resume"))).toHaveLength(1);
    expect(log).toContain("disarm");
  });

  test("tries a failing resume again, then has the guard do it", async () => {
    const { hands, log } = bench({ fails: { [`resume ${origin}`]: "EIO" } });
    await expect(perform(snapshotPlan(), hands)).rejects.toThrow(/resume failed/);
    const resume = `dmsetup resume ${origin}`;
    expect(log.slice(-5)).toEqual([resume, resume, resume, resume, "fire"]);
  });

  test("cuts nothing, and lets the origin go on, where what was measured does not fit", async () => {
    const { hands, log } = bench();
    const plan: Plan = [
      {
        kind: "while-suspended",
        suspensions: [{ device: origin, uuid, freezeMount: false }],
        steps: [
          { kind: "measure", device: origin, thinId: thin(1) },
          { kind: "admit" },
          { kind: "create-snap", thinId: thin(2), origin: thin(1) },
        ],
      },
    ];
    const refused = perform(plan, hands, (measured) => {
      throw new NoRoomError(`${measured.get(thin(1))} sectors do not fit`);
    });
    await expect(refused).rejects.toThrow("132480 sectors do not fit");
    expect(log.filter((line) => line.includes("create_snap"))).toEqual([]);
    expect(log).toContain(`dmsetup resume ${origin}`);
    expect(log.at(-1)).toBe("disarm");
  });

  test.each([
    ["the guard", { verdict: "fired" }],
    ["somebody else", { resumedBySomebody: true }],
  ] as const)("does not trust a snapshot whose origin %s resumed meanwhile", async (_who, answers) => {
    const { hands } = bench(answers);
    await expect(perform(snapshotPlan(), hands)).rejects.toThrow(/before the snapshot was complete/);
  });

  test("leaves frozen what somebody else froze", async () => {
    const { hands, log } = bench({ fails: { "fsfreeze --freeze": "EBUSY" } });
    await expect(perform(snapshotPlan("/mnt/b", true), hands)).rejects.toThrow(PreconditionError);
    expect(log.filter((line) => /fsfreeze|suspend/.test(line))).toEqual(["fsfreeze --freeze /mnt/b"]);
    expect(log).toContain("disarm");
  });

  test("refuses anything but measuring and cutting inside", async () => {
    const { hands } = bench();
    const plan: Plan = [
      {
        kind: "while-suspended",
        suspensions: [],
        steps: [{ kind: "deactivate", device: "dmthin-x" as DmName, uuid }],
      },
    ];
    await expect(perform(plan, hands)).rejects.toThrow(/inside a suspend bracket/);
  });
});

describe("a volume's device", () => {
  const device = "dmthin-fast-v-0000000000000000000a" as DmName;

  test("is made only after the pool's disks answered a flush: the kernel's lock is one for all pools", async () => {
    const { hands, log } = bench();
    const length = sectors(2048);
    await perform([{ kind: "activate", device, uuid, thinId: thin(3), length }], hands);
    expect(log).toEqual([
      `dmsetup status ${POOL}`,
      expect.stringMatching(new RegExp(`^dmsetup create ${device} `)),
    ]);
  });

  test("waits for its turn, and is not begun where that does not come", async () => {
    const { hands, log } = bench();
    const stuck = Promise.withResolvers<void>();
    const queue = new MessageQueue("fast", 20);
    const before = queue.run("create-thin", () => stuck.promise);
    const devices = new ThinDevices({
      dmsetup: hands.dmsetup,
      queue,
      poolDevice: POOL,
      poolNumber: devNumber(254, 0),
      poolName: POOL_NAME,
      poolUuid: POOL_UUID,
      onInactive: () => {},
    });
    const activation = devices.activate({ device, uuid, thinId: thin(3), length: sectors(2048) });
    await expect(activation).rejects.toThrow(/waited 20 ms behind create-thin/);
    stuck.resolve();
    await before;
    expect(log).toEqual([]);
  });
});
