import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { dmthinCommand, type Ended } from "../support/dmthin-command.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "main-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const dmthin = (...args: readonly string[]): Promise<Ended> =>
  dmthinCommand(args, { ...process.env, CSI_ENDPOINT: "", NODE_NAME: "" });

function configuration(text: string): string {
  const path = join(directory, "config.yaml");
  writeFileSync(path, text);
  return path;
}

describe("dmthin", () => {
  test("says its version and how it is used", async () => {
    expect(await dmthin("--version")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^dmthin \d+\.\d+\.\d+\n$/) as unknown,
      stderr: "",
    });
    expect(await dmthin("--help")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^usage: dmthin COMMAND/) as unknown,
    });
  });

  test("refuses a command it does not have", async () => {
    expect(await dmthin("install")).toEqual({
      code: 1,
      stdout: "",
      stderr: `dmthin: command: "install" is unknown; see dmthin --help\n`,
    });
  });

  test("starts no controller whose configuration is not valid, and names every problem", async () => {
    const file = join(directory, "controller.yaml");
    writeFileSync(file, "endpoint: unix:///run/csi.sock\nnodes: /etc/nodes\n");
    const { code, stderr } = await dmthin("controller", "--config", file);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/nodes: is not a key here[^]*needs static or kubernetes/) as unknown,
    ]);
  });
});

describe("dmthin check-config", () => {
  test("takes a good configuration", async () => {
    const path = configuration(
      "endpoint: unix:///run/csi.sock\npools: [{name: fast, backing: loop, directory: /p, dataSize: 1GiB}]",
    );
    expect(await dmthin("check-config", path)).toEqual({
      code: 0,
      stdout: `${path} is valid; pools: fast\n`,
      stderr: "",
    });
  });

  test("prints every problem at once, each with its path", async () => {
    const path = configuration("colour: red\nendpoint: tcp://x\npools: [{name: A_B, backing: tape}]");
    const { code, stdout, stderr } = await dmthin("check-config", path);
    expect([code, stdout]).toEqual([1, ""]);
    for (const problem of [/colour: is not a key here/, /endpoint: must be unix:/, /pools\[0\].backing: /]) {
      expect(stderr).toMatch(problem);
    }
  });

  test("takes a controller's, and prints its problems", { timeout: 30_000 }, async () => {
    const good = configuration("endpoint: unix:///run/csi.sock\nstatic: {identity: /i, nodes: /n.yaml}");
    expect(await dmthin("check-config", "--controller", good)).toEqual({
      code: 0,
      stdout: `${good} is valid; nodes: /n.yaml\n`,
      stderr: "",
    });
    const bad = configuration("endpoint: unix:///run/csi.sock\npools: []");
    const { code, stderr } = await dmthin("check-config", "--controller", bad);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/pools: is not a key here[^]*needs static or kubernetes/) as unknown,
    ]);
  });

  test("says why a file cannot be read", async () => {
    const { code, stderr } = await dmthin("check-config", join(directory, "missing.yaml"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot read .*missing.yaml.*no such file/);
  });
});
