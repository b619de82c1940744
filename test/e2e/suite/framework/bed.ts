/** The program that moves the test bed: power, disks, kubelet, and commands on a node. */
import { command, CommandError, type Outcome } from "./kubectl.ts";

const TIMEOUT_MS = 180_000;

export class Bed {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** As if the plug were pulled; returns when the node is dead. */
  async cutPower(node: string): Promise<void> {
    await this.#do("power", node, "cut");
  }

  /** Returns when it was started; Ready comes later. */
  async startPower(node: string): Promise<void> {
    await this.#do("power", node, "start");
  }

  async restartKubelet(node: string): Promise<void> {
    await this.#do("kubelet", node, "restart");
  }

  /** From one node to another, while both are without power: its device there. */
  async moveDisk(from: string, device: string, to: string): Promise<string> {
    return (await this.#do("disk", "move", from, device, to)).trim();
  }

  /** A command on the node, as root; whatever its exit code. */
  run(node: string, ...argv: readonly string[]): Promise<Outcome> {
    return command(this.#program, ["run", node, "--", ...argv], { timeoutMs: TIMEOUT_MS });
  }

  /** What it printed. */
  async #do(...args: readonly string[]): Promise<string> {
    const outcome = await command(this.#program, args, { timeoutMs: TIMEOUT_MS });
    if (outcome.code !== 0) throw new CommandError(`bed ${args.join(" ")}`, outcome);
    return outcome.stdout;
  }
}
