/** The steps of a demonstration: each is done, timed, proven by something measured, and told in one line. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  /** Of the deed alone, without the gathering of its evidence. */
  readonly ms: number;
  readonly evidence: string;
}

/** A step failed; the story does not go on. */
export class StepFailedError extends Error {}

/** What a line is made of: 100 columns, colours only on a terminal. */
export interface Screen {
  readonly colours: boolean;
  print(line: string): void;
}

const NAME_COLUMNS = 40;
const MS_COLUMNS = 6;

export class Steps {
  readonly #screen: Screen;
  readonly #results: StepResult[] = [];
  #interrupted: string | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get results(): readonly StepResult[] {
    return this.#results;
  }

  /** The step under way ends; no further one begins. */
  interrupt(reason: string): void {
    this.#interrupted ??= reason;
  }

  chapter(title: string): void {
    this.#screen.print("");
    this.#screen.print(this.#paint("1", title));
  }

  /**
   * `act` is the deed, and is timed. `prove` looks at what came of it and answers the evidence, or throws where it does
   * not hold. Throws StepFailedError after the failure has been told.
   */
  async step<T>(
    name: string,
    act: () => Promise<T>,
    prove: (made: T) => Promise<string> | string,
  ): Promise<T> {
    if (this.#interrupted !== undefined) throw new StepFailedError(this.#interrupted);
    const started = performance.now();
    let ms: number | undefined;
    try {
      const made = await act();
      ms = performance.now() - started;
      this.#tell({ name, ok: true, ms: Math.round(ms), evidence: await prove(made) });
      return made;
    } catch (error) {
      const evidence = error instanceof Error ? error.message : String(error);
      this.#tell({ name, ok: false, ms: Math.round(ms ?? performance.now() - started), evidence });
      throw new StepFailedError(name, { cause: error });
    }
  }

  /** The last line, and the file for scripts. `whole`: the story came to its end. */
  conclude(file: string, whole: boolean): void {
    const failed = this.#results.filter((each) => !each.ok);
    const seconds = this.#results.reduce((sum, each) => sum + each.ms, 0) / 1000;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ steps: this.#results }, undefined, 2)}\n`);
    const held = `${this.#results.length - failed.length} of ${this.#results.length} steps held`;
    const rest =
      failed.map((each) => `; failed: ${each.name}`).join("") || (whole ? "" : "; the story was cut short");
    this.#screen.print("");
    this.#screen.print(
      this.#paint(whole ? "32" : "31", `demo: ${held}, ${seconds.toFixed(1)} s of work${rest}`),
    );
  }

  #tell(result: StepResult): void {
    this.#results.push(result);
    const number = String(this.#results.length).padStart(2);
    const ms = `${result.ms} ms`.padStart(MS_COLUMNS + 3);
    const mark = result.ok ? this.#paint("32", "ok") : this.#paint("31", "FAILED");
    const head = `${number} ${result.name.padEnd(NAME_COLUMNS)}${this.#paint("2", ms)}  `;
    if (result.ok) return this.#screen.print(`${head}${result.evidence}`);
    this.#screen.print(`${head}${mark}`);
    this.#screen.print(`   ${result.evidence}`);
  }

  #paint(code: string, text: string): string {
    return this.#screen.colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** Throws with `what` unless `holds`. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
