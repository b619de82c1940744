import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { EnvironmentError, PoolUnavailableError } from "../../../src/core/errors.ts";
import type { GuardEffects } from "../../../src/host/guard-brackets.ts";
import { GuardClient } from "../../../src/host/guard-client.ts";
import { type GuardServer, startGuardServer } from "../../../src/host/guard-server.ts";

/** What happened, by bracket: the ids are random, so each bracket is known by its mount point. */
class Recorder implements GuardEffects {
  readonly events: string[] = [];
  readonly #names = new Map<string, string>();
  /** How often a release fails before it works. */
  failures = 0;
  /** While set, a release waits for it. */
  hold: Promise<void> | undefined;
  refusal: string | undefined;

  held = false;

  readonly isHeld = (): boolean => this.held;
  readonly refuse = (): string | undefined => this.refusal;
  readonly log = (): void => undefined;
  readonly remember: GuardEffects["remember"] = ({ id, mountPoints }) => {
    this.#names.set(id, mountPoints[0] ?? "");
    this.events.push(`remember ${mountPoints[0]}`);
  };
  readonly forget: GuardEffects["forget"] = (id) => {
    this.events.push(`forget ${this.#names.get(id)}`);
  };
  readonly release: GuardEffects["release"] = async ({ mountPoints }) => {
    this.events.push(`release ${mountPoints[0]}`);
    await this.hold;
    this.failures -= 1;
    if (this.failures === 0) throw new Error("the last failure is a throw");
    return this.failures > 0 ? ["busy"] : [];
  };
}

let directory = "";
let socket = "";
let effects = new Recorder();
let guard: GuardServer | undefined;
const clients: GuardClient[] = [];

const serve = async (lingerMs?: number): Promise<GuardServer> => {
  guard = await startGuardServer({
    socket,
    effects,
    watch: { totalMs: 100, pauseMs: 20 },
    ...(lingerMs === undefined ? {} : { lingerMs }),
  });
  return guard;
};
const client = (): GuardClient => {
  const made = new GuardClient({ socket });
  clients.push(made);
  return made;
};
const bracket = (name: string, deadlineMs = 60_000) => ({ deadlineMs, devices: [], mountPoints: [name] });
const ended = async (server: GuardServer, withinMs: number): Promise<boolean> =>
  Promise.race([server.ended.then(() => true), delay(withinMs, false)]);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmthin-guard-"));
  socket = join(directory, "run/guard.sock");
  effects = new Recorder();
});

afterEach(async () => {
  guard?.end();
  for (const each of clients.splice(0)) each.close();
  await guard?.ended;
  guard = undefined;
  rmSync(directory, { recursive: true });
});

describe("an armed bracket", () => {
  test("that is disarmed in time resumes nothing; its note was there before the answer", async () => {
    await serve();
    const armed = await client().arm(bracket("/a"));
    expect(effects.events).toStrictEqual(["remember /a"]);
    expect(await armed.disarm()).toBe("disarmed");
    expect(await armed.disarm()).toBe("disarmed");
    expect(effects.events).toStrictEqual(["remember /a", "forget /a"]);
  });

  test("fires at its deadline, and says so when disarmed", async () => {
    await serve();
    const armed = await client().arm(bracket("/a", 50));
    await expect.poll(() => effects.events).toStrictEqual(["remember /a", "release /a", "forget /a"]);
    expect(await armed.disarm()).toBe("fired");
  });

  test("fires when its owner asks for it, and nothing else of that owner does", async () => {
    await serve();
    const owner = client();
    const [stuck, sound] = [await owner.arm(bracket("/a")), await owner.arm(bracket("/b"))];
    stuck.fire();
    await expect.poll(() => effects.events).toContain("forget /a");
    expect(effects.events).toStrictEqual(["remember /a", "remember /b", "release /a", "forget /a"]);
    expect([await stuck.disarm(), await sound.disarm()]).toStrictEqual(["fired", "disarmed"]);
  });

  test("fires at once when its connection drops, with all others of that connection only", async () => {
    await serve();
    const [dying, living] = [client(), client()];
    await dying.arm(bracket("/a"));
    await dying.arm(bracket("/b"));
    const other = await living.arm(bracket("/c"));
    const begin = performance.now();
    dying.close();
    await expect.poll(() => effects.events.filter((event) => event.startsWith("forget")).length).toBe(2);
    expect(performance.now() - begin).toBeLessThan(20_000);
    expect(effects.events).toContain("release /a");
    expect(effects.events).toContain("release /b");
    expect(await other.disarm()).toBe("disarmed");
  });

  test("is tried again until it is resumed; a disarm meanwhile waits for that", async () => {
    await serve();
    effects.failures = 2;
    const armed = await client().arm(bracket("/a", 50));
    await expect.poll(() => effects.events).toContain("release /a");
    expect(await armed.disarm()).toBe("fired");
    expect(effects.events).toStrictEqual([
      "remember /a",
      "release /a",
      "release /a",
      "release /a",
      "forget /a",
    ]);
  });

  test("stands by itself among several of one connection", async () => {
    await serve();
    const one = client();
    const [first, second, third] = await Promise.all([
      one.arm(bracket("/a")),
      one.arm(bracket("/b", 100)),
      one.arm(bracket("/c")),
    ]);
    await expect.poll(() => effects.events).toContain("forget /b");
    expect(await Promise.all([first.disarm(), second.disarm(), third.disarm()])).toStrictEqual([
      "disarmed",
      "fired",
      "disarmed",
    ]);
  });

  test("is refused with the reason, and then nothing is noted", async () => {
    await serve();
    effects.refusal = "the guard sees no device";
    const refusal = client().arm(bracket("/a"));
    await expect(refusal).rejects.toThrow(PoolUnavailableError);
    await expect(refusal).rejects.toThrow(/the guard sees no device; nothing was suspended/);
    expect(effects.events).toStrictEqual([]);
  });
});

describe("a guard that is told to end", () => {
  test("ends at once when nothing is armed, and its socket is gone", async () => {
    const server = await serve();
    await client().connect();
    server.end();
    await server.ended;
    expect(readdirSync(join(directory, "run"))).toStrictEqual([]);
  });

  test("goes on until the armed bracket is disarmed, and arms nothing new", async () => {
    const server = await serve();
    const one = client();
    const armed = await one.arm(bracket("/a"));
    server.end();
    expect(await ended(server, 200)).toBe(false);
    await expect(one.arm(bracket("/b"))).rejects.toThrow(/the guard is ending/);
    expect(await armed.disarm()).toBe("disarmed");
    expect(await ended(server, 2000)).toBe(true);
  });

  test("goes on until the armed bracket has been resumed", async () => {
    const server = await serve();
    const release = Promise.withResolvers<void>();
    effects.hold = release.promise;
    await client().arm(bracket("/a", 50));
    server.end();
    await expect.poll(() => effects.events).toContain("release /a");
    expect(await ended(server, 200)).toBe(false);
    release.resolve();
    expect(await ended(server, 2000)).toBe(true);
  });
});

describe("a guard that ends alone", () => {
  test("does so when its last client is gone and everything is resumed", async () => {
    const server = await serve(100);
    const release = Promise.withResolvers<void>();
    effects.hold = release.promise;
    const [first, second] = [client(), client()];
    await first.arm(bracket("/a"));
    await second.connect();
    first.close();
    expect(await ended(server, 300)).toBe(false);
    second.close();
    expect(await ended(server, 300)).toBe(false);
    release.resolve();
    expect(await ended(server, 2000)).toBe(true);
  });

  test("does so when no client ever came", async () => {
    expect(await ended(await serve(50), 2000)).toBe(true);
  });
});

describe("the socket", () => {
  test("is open to its owner only", async () => {
    await serve();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "run")).mode & 0o777).toBe(0o700);
  });

  test("is not taken from a guard that listens", async () => {
    await serve();
    await expect(startGuardServer({ socket, effects })).rejects.toThrow(EnvironmentError);
    expect(await (await client().arm(bracket("/a"))).disarm()).toBe("disarmed");
  });

  test("is taken over from a guard that was killed", async () => {
    const dead = createServer().listen(join(directory, "dead.sock"));
    await once(dead, "listening");
    mkdirSync(join(directory, "run"));
    // A second name outlives the listener, as the socket of a killed process does.
    linkSync(join(directory, "dead.sock"), socket);
    dead.close();
    await once(dead, "close");
    await serve();
    await client().connect();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  test.each(["nonsense\n", '{"arm":{"id":"../../x"}}\n', "x".repeat(2 * 1024 * 1024)])(
    "ends a connection that sends what is not of the protocol, and what it had armed is resumed",
    async (text) => {
      await serve();
      const peer = connect(socket);
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      peer.on("error", () => undefined).on("close", () => resolve());
      peer.resume();
      peer.write(`${JSON.stringify({ arm: { id: "bracket-1", ...bracket("/a") } })}\n`);
      await expect.poll(() => effects.events).toContain("remember /a");
      peer.write(text);
      await closed;
      await expect.poll(() => effects.events).toContain("forget /a");
    },
  );
});

describe("a client", () => {
  test("without a guard suspends nothing", async () => {
    await expect(client().arm(bracket("/a"))).rejects.toThrow(PoolUnavailableError);
    await expect(client().connect()).rejects.toThrow(/cannot be reached/);
  });

  test("whose guard dies holds the bracket for broken, and connects to the next guard", async () => {
    const one = client();
    const connections: Socket[] = [];
    mkdirSync(join(directory, "run"));
    const first = createServer((peer) => {
      connections.push(peer);
      peer.once("data", (data) => {
        const { arm } = JSON.parse(String(data)) as { arm: { id: string } };
        peer.write(`${JSON.stringify({ armed: arm.id })}\n`);
      });
    }).listen(socket);
    const armed = await one.arm(bracket("/a"));
    for (const peer of connections) peer.destroy();
    first.close();
    await once(first, "close");
    expect(await armed.disarm()).toBe("fired");
    await serve();
    expect(await (await one.arm(bracket("/b"))).disarm()).toBe("disarmed");
  });
});
