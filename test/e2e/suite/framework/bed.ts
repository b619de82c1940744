/** The program that moves the test bed: power, kubelet, and commands on a node. */
import { command, CommandError, type Outcome } from "./kubectl.ts";

const TIMEOUT_MS = 180_000;

export class Bed {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** As if the plug were pulled; returns when the node is dead. */
  cutPower(node: string): Promise<void> {
    return this.#do("power", node, "cut");
  }

  /** Returns when it was started; Ready comes later. */
  startPower(node: string): Promise<void> {
    return this.#do("power", node, "start");
  }

  restartKubelet(node: string): Promise<void> {
    return this.#do("kubelet", node, "restart");
  }

  /** A command on the node, as root; whatever its exit code. */
  run(node: string, ...argv: readonly string[]): Promise<Outcome> {
    return command(this.#program, ["run", node, "--", ...argv], { timeoutMs: TIMEOUT_MS });
  }

  async #do(...args: readonly string[]): Promise<void> {
    const outcome = await command(this.#program, args, { timeoutMs: TIMEOUT_MS });
    if (outcome.code !== 0) throw new CommandError(`bed ${args.join(" ")}`, outcome);
  }
}
