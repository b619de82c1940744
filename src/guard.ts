/**
 * `dmthin guard`, the resume guard: a process beside the driver with one duty, to resume what the driver had suspended
 * when it died or hung (promise 5). It starts small and stays so: no configuration, no packages, nothing loaded on the
 * way to a resume.
 */
import { write } from "node:fs";

import { BracketNotes } from "./host/bracket-notes.ts";
import type { GuardEffects } from "./host/guard-brackets.ts";
import { createResumeTool } from "./host/guard-process.ts";
import { startGuardServer } from "./host/guard-server.ts";
import { isAnySuspended, releaseBracket, whyUnguardable } from "./host/suspended-devices.ts";
import type { ResumeTool } from "./host/suspended-devices.ts";

export interface GuardOptions {
  readonly socket: string;
  /** The driver's; notes of armed brackets are kept in its folder `brackets`. */
  readonly stateDirectory: string;
  /** End some seconds after the last client is gone: for a guard that a driver started. */
  readonly endsAlone?: boolean;
}

const LINGER_MS = 5000;

/** Runs until SIGTERM or SIGINT, and beyond that while something is armed. EnvironmentError: it cannot do its duty here. */
export async function runGuard(options: GuardOptions): Promise<void> {
  const tool = createResumeTool();
  const notes = new BracketNotes(options.stateDirectory);
  await releaseLeftovers(notes, tool);
  const guard = await startGuardServer({
    socket: options.socket,
    effects: effectsOf(notes, tool),
    ...(options.endsAlone === true ? { lingerMs: LINGER_MS } : {}),
  });
  const end = () => guard.end();
  process.on("SIGTERM", end).on("SIGINT", end).on("SIGHUP", end);
  log({ message: "guard ready", socket: options.socket, pid: process.pid });
  await guard.ended;
  log({ message: "guard ended" });
}

/** The connections of an earlier guard's clients ended with it: what it had armed is due now, before anything is armed. */
async function releaseLeftovers(notes: BracketNotes, tool: ResumeTool): Promise<void> {
  for (const bracket of notes.read()) {
    const problems = await releaseBracket(bracket, tool);
    log({ message: "resume: left by an earlier guard", bracket: bracket.id, problems });
    // One that fails is left to the sweep at the driver's start.
    if (problems.length === 0) notes.remove(bracket.id);
  }
}

function effectsOf(notes: BracketNotes, tool: ResumeTool): GuardEffects {
  return {
    refuse: whyUnguardable,
    remember: (bracket) => notes.write(bracket),
    forget: (id) => notes.remove(id),
    release: (bracket) => releaseBracket(bracket, tool),
    isHeld: (bracket) => isAnySuspended(bracket.devices),
    log,
  };
}

/** Never waits: the reader of the log may sit on the very disk that is suspended. */
function log(facts: Readonly<Record<string, unknown>>): void {
  write(2, `${JSON.stringify({ time: new Date().toISOString(), ...facts })}\n`, () => undefined);
}
