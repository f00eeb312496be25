/** A configured command as a tool. */
import type { Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import { CallFailure } from "../imports/interface.js";
import { Scrubber } from "../secrets/scrub.js";
import { program, SYSTEM_FOLDERS } from "../sandbox/isolation/programs.js";
import { checkPaths, fill, readArguments, schemaOf } from "./arguments.js";
import type { CommandTool } from "./configured.js";
import { runProgram, type ProgramEnd } from "./process.js";
import type { HostTool, HostTools } from "./tool.js";

type Environment = Readonly<Record<string, string | undefined>>;

export function commandToolsOf(tools: readonly CommandTool[], env: Environment): HostTools {
  return new Map(tools.map((tool) => [tool.id, commandTool(tool, env)]));
}

function commandTool(tool: CommandTool, environment: Environment): HostTool {
  const [name = ""] = tool.command;
  const file = (): string | null => (name.startsWith("/") ? name : program(name, SYSTEM_FOLDERS));
  const values = (args: Json): Record<string, string> => args as Record<string, string>;
  const secrets = tool.secret_env.flatMap((id) => (environment[id] ? [{ id, value: environment[id] }] : []));
  const scrubber = new Scrubber(secrets);
  const passed = [...tool.env, ...tool.secret_env];
  return {
    id: tool.id,
    description: tool.description,
    effects: tool.effects,
    inputSchema: schemaOf(tool),
    parse: (args) => readArguments(tool, args),
    show: (args) =>
      [
        "Run a command on this machine",
        `  Tool:    ${tool.id} (tools.commands of the configuration)`,
        `  Program: ${visibleLine(file() ?? name)}`,
        ...fill(tool, values(args)).map(
          (each, index) => `  ${index === 0 ? "With:   " : "        "} ${visibleLine(JSON.stringify(each))}`,
        ),
        `  In:      ${visibleLine(tool.cwd)}`,
        `  Sees:    ${passed.length === 0 ? "no variables of the environment" : passed.join(", ")}`,
        `  For:     ${tool.timeout_ms} ms at most`,
      ].join("\n"),
    destination: () => ({
      tool: tool.id,
      program: file(),
      command: [...tool.command],
      cwd: tool.cwd,
      env: passed,
      timeout_ms: tool.timeout_ms,
    }),
    async run(args, { signal, idempotencyKey }) {
      const found = file();
      if (found === null)
        throw new CallFailure("unavailable", `the tool \`${tool.id}\`: there is no program \`${name}\` on this machine`);
      await checkPaths(tool, values(args));
      const env: Record<string, string> = { PATH: SYSTEM_FOLDERS.join(":"), LANG: "C.UTF-8" };
      for (const id of passed) if (environment[id] !== undefined) env[id] = environment[id];
      if (idempotencyKey !== null) env["RLP_IDEMPOTENCY_KEY"] = idempotencyKey;
      const { timeout_ms: timeoutMs, max_output_bytes: outputBytes, cwd } = tool;
      const end = await runProgram({
        file: found,
        args: fill(tool, values(args)),
        cwd,
        env,
        timeoutMs,
        // Whole secrets: one that is cut at the limit would not be known for one.
        outputBytes: outputBytes + scrubber.longest,
        signal,
      }).catch((error: NodeJS.ErrnoException) => {
        throw new CallFailure("unavailable", `the tool \`${tool.id}\` cannot be started: ${error.code ?? error.message}`);
      });
      if (end.timedOut)
        throw new CallFailure("timeout", `the tool \`${tool.id}\` did not end within ${timeoutMs} ms`, {
          limit: { name: "tool_timeout_ms", value: timeoutMs, ceiling: timeoutMs },
        });
      if (signal.aborted) throw new CallFailure("cancelled", `the tool \`${tool.id}\` was ended`);
      return said(end, scrubber, outputBytes);
    },
  };
}

/** What the agent gets: at most so many bytes of each output. An exit code that is not 0 is an answer like any other. */
function said({ code, killedBy, stdout, stderr, dropped }: ProgramEnd, scrubber: Scrubber, most: number): Json {
  const text = (bytes: Buffer): string => {
    const scrubbed = Buffer.from(scrubber.text(bytes.toString("utf8")));
    // Of an output that was cut, the end may be a part of a secret.
    const whole = bytes.length > most ? scrubbed.length - scrubber.longest : scrubbed.length;
    return scrubbed.subarray(0, Math.max(0, Math.min(most, whole))).toString("utf8");
  };
  const beyond = [stdout, stderr].reduce((sum, { length }) => sum + Math.max(0, length - most), 0);
  return {
    exit_code: code,
    ...(killedBy !== null && { killed_by: killedBy }),
    stdout: text(stdout),
    stderr: text(stderr),
    dropped_bytes: dropped + beyond,
  };
}
