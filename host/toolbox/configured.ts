/**
 * `tools.commands` of the configuration: commands that whoever runs rlp offers to agents. What an agent may fill in is declared one by
 * one, by kind; everything else of the command line is fixed. There is no shell.
 */
import { isAbsolute } from "node:path";
import * as z from "zod";

/** As `model.chat` can hand it to a language model. */
export const toolId = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,63}$/, "a tool's id is lower-case letters, digits, `_` and `-`, a letter first");
const argumentName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "an argument's name is lower-case letters, digits and `_`");
const about = { description: z.string().max(512).optional() };

const argument = z.discriminatedUnion(
  "type",
  [
    z.strictObject({
      type: z.literal("integer"),
      minimum: z.int().default(0),
      maximum: z.int().default(1_000_000),
      default: z.int().optional(),
      ...about,
    }),
    /** Letters, digits, `.`, `_` and `-`, none of the last three first. */
    z.strictObject({ type: z.literal("word"), default: z.string().optional(), ...about }),
    z.strictObject({
      type: z.literal("choice"),
      of: z.array(z.string().min(1).max(256)).min(1).max(64),
      default: z.string().optional(),
      ...about,
    }),
    /** Any text without control characters but tabs and line ends. */
    z.strictObject({
      type: z.literal("text"),
      max_length: z.int().min(1).max(8192).default(1024),
      default: z.string().optional(),
      ...about,
    }),
    /** A file or folder that is there, below `cwd`, links followed. */
    z.strictObject({ type: z.literal("path"), default: z.string().optional(), ...about }),
  ],
  { error: "`type` is `integer`, `word`, `choice`, `text` or `path`" },
);
export type ToolArgument = z.infer<typeof argument>;

const folder = z
  .string()
  .max(4096)
  .refine((path) => isAbsolute(path) && !path.includes("\0"), "must be an absolute folder");
const plain = z
  .string()
  .max(4096)
  .regex(/^[^\u0000-\u001f\u007f]*$/, "holds a control character");
const variable = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]{0,127}$/, "is the name of an environment variable (capitals, digits, `_`)")
  .refine(
    (name) => !/^(?:PATH|LD_.*|DYLD_.*|NODE_OPTIONS|BASH_ENV|ENV|IFS)$/.test(name),
    "chooses what is executed: it cannot be passed on",
  );

/** Programs that read a command line out of an argument: what is filled in there would be text of theirs, not a value. */
const SHELLS =
  /(?:^|\/)(?:sh|bash|dash|ash|zsh|ksh|fish|csh|tcsh|cmd|powershell|pwsh|busybox|env|xargs|ssh|sudo|su|doas|nohup|eval)$/;
const INTERPRETERS = /(?:^|\/)(?:python[0-9.]*|perl|ruby|node|nodejs|deno|bun|php|lua|awk|gawk|mawk|sed|jq|osascript)$/;

/** `{name}` stands for an argument. */
export const PLACEHOLDER = /\{([a-z][a-z0-9_]{0,31})\}/g;

export const commandTool = z
  .strictObject({
    id: toolId,
    description: z.string().min(1).max(4096),
    command: z.array(plain).min(1).max(64),
    arguments: z.record(argumentName, argument).default({}),
    cwd: folder,
    /** Variables that are passed on, and those whose values are secrets: they are taken out of what the command says. */
    env: z.array(variable).max(32).default([]),
    secret_env: z.array(variable).max(32).default([]),
    timeout_ms: z.int().min(1).max(600_000).default(30_000),
    max_output_bytes: z
      .int()
      .min(1)
      .max(1 << 20)
      .default(65_536),
    effects: z.enum(["read", "write"], { error: "`effects` is `read` (it only looks) or `write` (each call needs a decision)" }),
  })
  .superRefine((tool, context) => {
    const refuse = (message: string, ...path: (string | number)[]): void =>
      void context.issues.push({ code: "custom", message, path, input: tool });
    const [program = "", ...rest] = tool.command;
    if (!/^(?:\/[^{}]+|[A-Za-z0-9][A-Za-z0-9._+-]*)$/.test(program))
      refuse("the program is an absolute path, or a name that is looked for in the system's own folders", "command", 0);
    if (SHELLS.test(program) && rest.some((element) => element.match(PLACEHOLDER)))
      refuse(`\`${program}\` takes arguments for a command line: name the program itself`, "command", 0);
    const used = new Set<string>();
    let behind = false;
    /** Something that is no option stands there already: an interpreter takes it for its program. */
    let hasProgram = false;
    rest.forEach((element, index) => {
      if (element.replace(PLACEHOLDER, "").match(/[{}]/))
        refuse("`{` and `}` stand around the name of an argument only", "command", index + 1);
      for (const [whole, name = ""] of element.matchAll(PLACEHOLDER)) {
        used.add(name);
        const spec = Object.hasOwn(tool.arguments, name) ? tool.arguments[name] : undefined;
        if (!spec) refuse(`\`${whole}\` is not declared under \`arguments\``, "command", index + 1);
        else if (INTERPRETERS.test(program) && spec.type === "text" && !(behind && hasProgram))
          refuse(
            `\`${whole}\` could become a program of \`${program}\`: put the program and \`--\` before it`,
            "command",
            index + 1,
          );
        else if (!behind && element.startsWith(whole) && spec.type === "text")
          refuse(
            `\`${whole}\` could become an option: put \`--\` somewhere before it, or text in front of it (\`--grep=${whole}\`)`,
            "command",
            index + 1,
          );
      }
      if (element === "--") behind = true;
      else if (!element.startsWith("-")) hasProgram = true;
    });
    for (const [name, spec] of Object.entries(tool.arguments)) {
      if (!used.has(name)) refuse("it is declared, and the command does not use it", "arguments", name);
      if (spec.type === "integer" && spec.minimum > spec.maximum) refuse("`minimum` is above `maximum`", "arguments", name);
      if (spec.type === "integer" && spec.minimum < 0 && !behind && rest.some((element) => element.startsWith(`{${name}}`)))
        refuse("a negative number could become an option", "arguments", name);
      if (spec.type === "choice" && spec.of.some((value) => value.startsWith("-")))
        refuse("a choice that begins with `-` would be an option", "arguments", name);
      if (spec.type === "choice" && spec.default !== undefined && !spec.of.includes(spec.default))
        refuse("the default is none of the choices", "arguments", name);
    }
  });
export type CommandTool = z.infer<typeof commandTool>;

export const commandTools = z
  .array(commandTool)
  .max(256)
  .superRefine((tools, context) => {
    tools.forEach(({ id }, index) => {
      if (tools.findIndex((other) => other.id === id) < index)
        context.issues.push({ code: "custom", message: `two tools are called \`${id}\``, path: [index, "id"], input: tools });
    });
  });
