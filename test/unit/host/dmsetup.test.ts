import { describe, expect, test, vi } from "vitest";

import { ToolError } from "../../../src/core/errors.ts";
import type { DmName, DmUuid } from "../../../src/core/ids.ts";
import { Dmsetup } from "../../../src/host/dmsetup.ts";
import type { Runner } from "../../../src/host/run.ts";
import { fakeRunner } from "../../support/fake-runner.ts";
import { captured, capturedFailure } from "../../support/fixtures.ts";

const DIRECTORY = "dmsetup-1.02.205-linux-7.2";
const NAME = "dmthin-t-pool" as DmName;
const UUID = "DMTHIN-0-pool" as DmUuid;
const busy = capturedFailure(DIRECTORY, "remove-busy");

describe("dmsetup commands", () => {
  test.each<readonly [string, (dmsetup: Dmsetup) => Promise<unknown>, string]>([
    ["create", (d) => d.create(NAME, UUID, "0 8 error"), `create ${NAME} --uuid ${UUID} --table 0 8 error`],
    ["message", (d) => d.message(NAME, "create_thin 1"), `message ${NAME} 0 create_thin 1`],
    ["suspend", (d) => d.suspend(NAME, { timeoutMs: 1 }), `suspend ${NAME}`],
    ["resume", (d) => d.resume(NAME), `resume ${NAME}`],
    ["load", (d) => d.load(NAME, "0 8 error"), `load ${NAME} --table 0 8 error`],
    ["clear", (d) => d.clear(NAME), `clear ${NAME}`],
    ["remove", (d) => d.remove(NAME), `remove ${NAME}`],
  ])("%s is one command", async (_, call, args) => {
    const runner = fakeRunner({ [`dmsetup ${args}`]: {} });
    await call(new Dmsetup(runner));
    expect(runner.commands).toEqual([`dmsetup ${args}`]);
  });

  test.each(["create", "load"] as const)(
    "%s gives a table of several lines on standard input",
    async (verb) => {
      const command = verb === "create" ? `dmsetup create ${NAME} --uuid ${UUID}` : `dmsetup load ${NAME}`;
      const runner = fakeRunner({ [command]: {} });
      const dmsetup = new Dmsetup(runner);
      const table = "0 8 linear 7:0 0\n8 8 linear 7:1 0";
      await (verb === "create" ? dmsetup.create(NAME, UUID, table) : dmsetup.load(NAME, table));
      expect(runner.calls).toEqual([{ command, options: { input: `${table}\n` }, fds: [] }]);
    },
  );

  test("suspend has a deadline, other changes have none", async () => {
    const runner = fakeRunner({ [`dmsetup suspend ${NAME}`]: {}, [`dmsetup resume ${NAME}`]: {} });
    const dmsetup = new Dmsetup(runner);
    await dmsetup.suspend(NAME, { timeoutMs: 3000 });
    await dmsetup.resume(NAME);
    expect(runner.calls.map((call) => call.options.timeoutMs)).toEqual([3000, undefined]);
  });

  test.each([
    [true, `dmsetup status ${NAME}`],
    [false, `dmsetup status --noflush ${NAME}`],
  ])("status with flush %s", async (flush, command) => {
    const runner = fakeRunner({ [command]: { stdout: captured(`${DIRECTORY}/pool-status-full`) } });
    expect(await new Dmsetup(runner).poolStatus(NAME, { flush })).toMatchObject({
      mode: "out_of_data_space",
    });
  });

  test("a device without a table has an empty one, and no status", async () => {
    const runner = fakeRunner({
      [`dmsetup table ${NAME}`]: { stdout: captured(`${DIRECTORY}/table-none`) },
      [`dmsetup status --noflush ${NAME}`]: { stdout: captured(`${DIRECTORY}/status-no-table`) },
    });
    const dmsetup = new Dmsetup(runner);
    expect(await dmsetup.table(NAME)).toBe("");
    await expect(dmsetup.thinStatus(NAME, { flush: false })).rejects.toMatchObject({ kind: "parse" });
  });

  test("the statuses of all thins come from one command", async () => {
    const stdout = `${captured(`${DIRECTORY}/status-thins`)}vg-lv: 0 8 thin 0 -\n`;
    const runner = fakeRunner({ "dmsetup status --noflush --target thin": { stdout } });
    expect([...(await new Dmsetup(runner).thinStatuses())]).toEqual([
      ["dmthin-t-v-0000000000000000000a", { kind: "active", mapped: 12928n, highestMapped: 384127n }],
      ["dmthin-t-v-0000000000000000000b", { kind: "active", mapped: 12928n, highestMapped: 384127n }],
    ]);
  });

  const THINS = ["dmthin-t-v-0000000000000000000a", "dmthin-t-v-0000000000000000000b"] as const;
  const both = `dmsetup status --noflush ${NAME} ${THINS.join(" ")}`;
  const names = THINS as readonly string[] as readonly DmName[];
  const poolLine = `${NAME}: ${captured(`${DIRECTORY}/pool-status-full`)}`;

  test("a pool and its thins are one command", async () => {
    const runner = fakeRunner({ [both]: { stdout: `${poolLine}${captured(`${DIRECTORY}/status-thins`)}` } });
    const { pool, thins } = await new Dmsetup(runner).poolAndThinStatus(NAME, names);
    expect(pool).toMatchObject({ mode: "out_of_data_space" });
    expect([...thins.keys()]).toEqual(THINS);
    expect(runner.commands).toEqual([both]);
  });

  test("a thin that went meanwhile costs those behind it, not the pool", async () => {
    const { stderr } = capturedFailure(DIRECTORY, "status-missing");
    const runner = fakeRunner({ [both]: { stdout: poolLine, stderr: stderr ?? "", exitCode: 1 } });
    const { pool, thins } = await new Dmsetup(runner).poolAndThinStatus(NAME, names);
    expect([pool.kind, thins.size]).toEqual(["active", 0]);
  });

  test("a pool that is gone is an error, with thins or without", async () => {
    const gone = capturedFailure(DIRECTORY, "status-missing");
    const runner = fakeRunner({ [both]: gone, [`dmsetup status --noflush ${NAME}`]: gone });
    for (const asked of [names, []])
      await expect(new Dmsetup(runner).poolAndThinStatus(NAME, asked)).rejects.toMatchObject({
        errno: "ENXIO",
      });
  });

  test("no thins are an empty map", async () => {
    const stdout = captured(`${DIRECTORY}/status-none`);
    const runner = fakeRunner({ "dmsetup status --noflush --target thin": { stdout } });
    expect((await new Dmsetup(runner).thinStatuses()).size).toBe(0);
  });
});

describe("removing a device", () => {
  const command = `dmsetup remove ${NAME}`;

  test("is tried again while somebody has it open for a moment", async () => {
    const runner = fakeRunner({ [command]: [busy, busy, {}] });
    await new Dmsetup(runner, { removeDelaysMs: [1, 1, 1] }).remove(NAME);
    expect(runner.commands).toEqual([command, command, command]);
  });

  test("ends with EBUSY when it stays open", async () => {
    const runner = fakeRunner({ [command]: busy });
    await expect(new Dmsetup(runner, { removeDelaysMs: [1, 1] }).remove(NAME)).rejects.toMatchObject({
      errno: "EBUSY",
    });
    expect(runner.commands).toHaveLength(3);
  });

  test("is not tried again for any other reason", async () => {
    const runner = fakeRunner({ [command]: capturedFailure(DIRECTORY, "remove-missing") });
    await expect(new Dmsetup(runner).remove(NAME)).rejects.toMatchObject({ errno: "ENXIO" });
    expect(runner.commands).toHaveLength(1);
  });
});

describe("a suspend killed at its deadline", () => {
  /** Like a runner whose suspend is killed and goes on in the kernel until `end` is called. */
  function stuckRunner() {
    const { promise: gone, resolve: end } = Promise.withResolvers<undefined>();
    const commands: string[] = [];
    const runner: Runner = {
      started: 0,
      holding: () => runner,
      run(tool, args, options) {
        commands.push([tool, ...args].join(" "));
        if (args[0] !== "suspend") return Promise.resolve({ stdout: "", stderr: "", exitCode: 0 });
        options?.onKilled?.(gone);
        return Promise.reject(
          new ToolError({ argv: [tool, ...args], exitCode: undefined, stderr: "", errno: "ETIMEDOUT" }),
        );
      },
    };
    return { runner, commands, end: () => end(undefined) };
  }

  test("is undone when it ends at last, and until then no other begins", async () => {
    const { runner, commands, end } = stuckRunner();
    const dmsetup = new Dmsetup(runner);
    const suspend = () => dmsetup.suspend(NAME, { timeoutMs: 1 });
    await expect(suspend()).rejects.toMatchObject({ errno: "ETIMEDOUT" });
    // Another object for the same kernel knows of it as well.
    const other = new Dmsetup(fakeRunner({}));
    await expect(other.suspend(NAME, { timeoutMs: 1 })).rejects.toMatchObject({ errno: "ETIMEDOUT" });
    expect(commands).toEqual([`dmsetup suspend ${NAME}`]);
    end();
    await vi.waitFor(() => expect(commands).toEqual([`dmsetup suspend ${NAME}`, `dmsetup resume ${NAME}`]));
    const later = fakeRunner({ [`dmsetup suspend ${NAME}`]: {} });
    await vi.waitFor(() => new Dmsetup(later).suspend(NAME, { timeoutMs: 1 }));
    expect(later.commands).toEqual([`dmsetup suspend ${NAME}`]);
  });
});

describe("creating a device", () => {
  test("a taken name is reported at once", async () => {
    const command = `dmsetup create ${NAME} --uuid ${UUID} --table 0 8 error`;
    const runner = fakeRunner({ [command]: capturedFailure(DIRECTORY, "name-taken") });
    await expect(new Dmsetup(runner).create(NAME, UUID, "0 8 error")).rejects.toMatchObject({
      errno: "EBUSY",
    });
    expect(runner.commands).toHaveLength(1);
  });
});
