/**
 * `dmthin`: the one program. Each command loads only what it needs: the resume guard sits beside every driver and must
 * stay small.
 */
import "./thread-pool.ts";
import packageJson from "../package.json" with { type: "json" };
import { parseCommandLine, type Command } from "./command-line.ts";
import { DEFAULT_CONFIGURATION } from "./config/paths.ts";
import { messageOf } from "./core/errors.ts";
import { USAGE } from "./usage.ts";

/** Answers the exit code. */
async function run(command: Command): Promise<number> {
  switch (command.kind) {
    case "serve": {
      const { serve } = await import("./serve.ts");
      return serve({
        configuration: command.configuration,
        role: command.role,
        version: packageJson.version,
      });
    }
    case "controller": {
      const { serveController } = await import("./controller.ts");
      return serveController({ configuration: command.configuration, version: packageJson.version });
    }
    case "guard": {
      const { runGuard } = await import("./guard.ts");
      await runGuard(command);
      return 0;
    }
    case "check-config": {
      const { checkConfig } = await import("./check-config.ts");
      return checkConfig(command);
    }
    case "doctor": {
      const { runDoctor } = await import("./doctor.ts");
      return runDoctor(command);
    }
    case "pool-plan":
    case "pool-check":
    case "pool-repair": {
      const { runPoolCommand } = await import("./pool-command.ts");
      return runPoolCommand(command);
    }
    case "pool-adopt": {
      const { runPoolAdopt } = await import("./pool-adopt-command.ts");
      return runPoolAdopt(command, DEFAULT_CONFIGURATION);
    }
    case "pool-rehome": {
      const { runPoolRehome } = await import("./pool-rehome-command.ts");
      return runPoolRehome(command);
    }
    case "pool-grow": {
      const { runGrowCommand } = await import("./commands/grow-command.ts");
      return runGrowCommand(command);
    }
    case "orphans": {
      const { runOrphansCommand } = await import("./commands/orphans-command.ts");
      return runOrphansCommand(command);
    }
    case "report": {
      const { runReportCommand } = await import("./commands/report-command.ts");
      return runReportCommand(command);
    }
    case "watch": {
      const { runWatch } = await import("./commands/watch.ts");
      return runWatch(command);
    }
    case "version":
      process.stdout.write(`dmthin ${packageJson.version}\n`);
      return 0;
    case "help":
      process.stdout.write(USAGE);
      return 0;
  }
}

function withCause(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}

try {
  const code = await run(parseCommandLine(process.argv.slice(2)));
  // Not by itself: a thread may be stuck in the kernel on a dead disk, and would keep the process for ever.
  process.exit(code);
} catch (error) {
  process.stderr.write(`dmthin: ${withCause(error)}\n`);
  process.exit(1);
}
