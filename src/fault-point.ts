/**
 * Where fault tests stop the driver: at the begin of an operation, after each step of a plan, before each step of a
 * pool's setup, after each tool. Nothing of this exists unless DMTHIN_FAULT_FILE is set; never set it outside of tests.
 *
 * `DMTHIN_FAULT_FILE` is a path, called F here. Each point that an operation passes is a line of `F.trace`:
 *
 *     CreateVolume "db-1" #3 ran dmsetup message dmthin-fast-pool 0 create_thin 7
 *
 * F itself, which may be missing, holds rules, one a line: `HOW REGULAR-EXPRESSION`. Where the expression matches a
 * point, the point is noted in `F.reached`. `still`: the operation stands still there, for ever. Any other HOW is for
 * tools: `HOW COMMAND` is written to `F.tools` before the command starts, and the program in the tool's place obeys.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync, readFileSync } from "node:fs";

import type { Around } from "./core/operations.ts";
import type { Change } from "./core/records.ts";
import type { Runner } from "./host/run.ts";
import type { StageStep } from "./plan/stage.ts";
import type { AfterStep, Step } from "./plan/step.ts";

export interface FaultPoint {
  /** Around an operation: the points inside are counted as its own. */
  readonly around: Around;
  readonly afterStep: AfterStep;
  /** The same runner; after each of its commands is a point. */
  readonly watch: (runner: Runner) => Runner;
}

const NONE: FaultPoint = {
  around: (_title, work) => work(),
  afterStep: () => Promise.resolve(),
  watch: (runner) => runner,
};

export function faultPoint(path: string | undefined): FaultPoint {
  if (path === undefined) return NONE;
  const current = new AsyncLocalStorage<{ readonly title: string; points: number }>();
  /** How the next point of the operation under way is to be passed, and its line. */
  const next = (text: string): { readonly how: string | undefined; readonly line: string } => {
    const operation = current.getStore();
    // The look at a pool that nobody asked for is no operation.
    if (operation === undefined) return { how: undefined, line: text };
    const line = `${operation.title} #${operation.points} ${text}`;
    operation.points += 1;
    appendFileSync(`${path}.trace`, `${line}\n`);
    return { how: rulesOf(path).find(({ pattern }) => pattern.test(line))?.how, line };
  };
  const note = (line: string): void => appendFileSync(`${path}.reached`, `${line}\n`);
  const passOrStop = async ({ how, line }: ReturnType<typeof next>): Promise<void> => {
    if (how !== "still") return;
    note(line);
    await Promise.withResolvers<never>().promise;
  };
  const watch = (runner: Runner): Runner => ({
    get started() {
      return runner.started;
    },
    holding: (fds) => watch(runner.holding(fds)),
    async run(tool, args, options) {
      const command = [tool, ...args].join(" ");
      const point = next(`ran ${command}`);
      if (point.how !== undefined && point.how !== "still") {
        appendFileSync(`${path}.tools`, `${point.how} ${command}\n`);
        note(point.line);
      }
      const result = await runner.run(tool, args, options);
      await passOrStop(point);
      return result;
    },
  });
  return {
    watch,
    // An operation of the mounts is one of their pool as well: the outer one counts.
    around: (title, work) => {
      if (current.getStore() !== undefined) return work();
      return current.run({ title, points: 0 }, async () => {
        await passOrStop(next("began"));
        return work();
      });
    },
    afterStep: async (step) => {
      const text = textOf(step);
      if (text !== undefined) await passOrStop(next(text));
    },
  };
}

interface Rule {
  readonly how: string;
  readonly pattern: RegExp;
}

function rulesOf(path: string): readonly Rule[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.flatMap((line) => {
      const [, how, pattern] = /^(\S+) (.+)$/.exec(line) ?? [];
      return how === undefined || pattern === undefined ? [] : [{ how, pattern: new RegExp(pattern) }];
    });
  } catch {
    return [];
  }
}

/** `create-thin 7`, `activate dmthin-fast-v-…`, `record put-volume db-1 ready blank`. Undefined: no point of its own. */
export function textOf(step: Step | StageStep | string): string | undefined {
  if (typeof step === "string") return step;
  switch (step.kind) {
    case "record":
      return `record ${step.changes.map(textOfChange).join(", ")}`;
    case "create-thin":
    case "create-snap":
    case "delete-thin":
      return `${step.kind} ${step.thinId}`;
    case "set-transaction-id":
      return `${step.kind} ${step.to}`;
    case "while-suspended":
      return `${step.kind} ${step.suspensions.map(({ device }) => device).join(" ")}`;
    case "measure":
    case "activate":
    case "deactivate":
    case "clear":
    case "grow":
      return `${step.kind} ${step.device}`;
    // Steps of staging that are plans of their own, and have been told as such.
    case "set-format":
    case "record-staging":
    case "renew-thin":
      return undefined;
    case "make-filesystem":
    case "check-filesystem":
    case "mount":
    case "grow-filesystem":
      return `${step.kind} ${step.fsType}`;
    case "admit":
    case "replay-log":
    case "renew-identity":
    case "fail-when-full":
      return step.kind;
  }
}

function textOfChange(change: Change): string {
  switch (change.kind) {
    case "put-volume": {
      const { name, state, format, staging, retiredThinId } = change.record;
      const notes = [...(staging ? ["staged"] : []), ...(retiredThinId === undefined ? [] : ["retired"])];
      return [change.kind, name, state, format.state, ...notes].join(" ");
    }
    case "put-snapshot":
    case "put-group":
      return `${change.kind} ${change.record.name} ${change.record.state}`;
    case "drop-volume":
    case "drop-snapshot":
    case "drop-group":
      return `${change.kind} ${change.id}`;
    case "put-pool":
      return `${change.kind} ${change.record.transactionId}`;
  }
}
