/** What an agent fills into a command: checked by kind, so that no value becomes an option, another file, or a second argument. */
import { realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";
import { PLACEHOLDER, type CommandTool, type ToolArgument } from "./configured.js";

const invalid = (name: string, what: string): CallFailure => new CallFailure("invalid", `argument \`${name}\`: ${what}`);

/** The JSON Schema of a command's arguments. */
export function schemaOf({ arguments: declared }: CommandTool): JsonObject {
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(declared).map(([name, spec]) => [name, propertyOf(spec)])),
    required: Object.entries(declared).flatMap(([name, spec]) => (spec.default === undefined ? [name] : [])),
    additionalProperties: false,
  };
}

function propertyOf(spec: ToolArgument): JsonObject {
  const more: JsonObject = {
    ...(spec.description !== undefined && { description: spec.description }),
    ...(spec.default !== undefined && { default: spec.default }),
  };
  switch (spec.type) {
    case "integer":
      return { type: "integer", minimum: spec.minimum, maximum: spec.maximum, ...more };
    case "choice":
      return { enum: [...spec.of], ...more };
    case "text":
      return { type: "string", maxLength: spec.max_length, ...more };
    case "word":
    case "path":
      return { type: "string", maxLength: 1024, ...more };
  }
}

/** Every argument, the defaults filled in. Throws `CallFailure` (`invalid`). */
export function readArguments({ arguments: declared }: CommandTool, args: Json): Record<string, string> {
  if (!isJsonObject(args)) throw new CallFailure("invalid", "the arguments are not an object");
  const stray = Object.keys(args).find((name) => !Object.hasOwn(declared, name));
  if (stray !== undefined) throw invalid(stray.slice(0, 64), `there is none; there are: ${Object.keys(declared).join(", ")}`);
  return Object.fromEntries(
    Object.entries(declared).map(([name, spec]) => {
      const given = Object.hasOwn(args, name) ? args[name] : spec.default;
      if (given === undefined) throw invalid(name, "it is missing");
      return [name, textOf(name, spec, given)];
    }),
  );
}

const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
/** Parts of a path: nothing that climbs, names another host or revision (`rev:path`), or that a program could take for an option. */
const PART = /^(?![-~])[^\u0000-\u001f\u007f\\:*?"<>|]{1,255}$/;

function textOf(name: string, spec: ToolArgument, given: Json): string {
  if (spec.type === "integer") {
    if (typeof given !== "number" || !Number.isSafeInteger(given)) throw invalid(name, "it is not a whole number");
    if (given < spec.minimum || given > spec.maximum)
      throw invalid(name, `it is not between ${spec.minimum} and ${spec.maximum}`);
    return String(given);
  }
  if (typeof given !== "string") throw invalid(name, "it is not text");
  if (!given.isWellFormed()) throw invalid(name, "it holds half a character");
  switch (spec.type) {
    case "word":
      if (!WORD.test(given)) throw invalid(name, "it is not a word: letters, digits, `.`, `_` and `-`, a letter or digit first");
      return given;
    case "choice":
      if (!spec.of.includes(given)) throw invalid(name, `it is none of ${spec.of.join(", ")}`);
      return given;
    case "text":
      if (given.length > spec.max_length) throw invalid(name, `it has more than ${spec.max_length} characters`);
      if (CONTROL.test(given)) throw invalid(name, "it holds a control character");
      return given;
    case "path": {
      if (given === ".") return given;
      const parts = given.split("/");
      if (given.length > 1024 || parts.some((part) => part === "." || part === ".." || !PART.test(part)))
        throw invalid(name, "it is not a relative path below the tool's folder");
      return given;
    }
  }
}

/** The arguments of the program, each in its place; a value never becomes two. */
export function fill({ command }: CommandTool, values: Readonly<Record<string, string>>): string[] {
  return command.slice(1).map((element) => element.replace(PLACEHOLDER, (_, name: string) => values[name] as string));
}

/**
 * That every path leads to something below `cwd`, links followed. It is true when it is looked at: who can write below `cwd` can change
 * it afterwards.
 */
export async function checkPaths(tool: CommandTool, values: Readonly<Record<string, string>>): Promise<void> {
  const names = Object.entries(tool.arguments).flatMap(([name, { type }]) => (type === "path" ? [name] : []));
  if (names.length === 0) return;
  const root = await realpath(tool.cwd).catch(() => null);
  if (root === null) throw new CallFailure("unavailable", `the folder of the tool \`${tool.id}\` is not there`);
  for (const name of names) {
    const real = await realpath(join(root, values[name] as string)).catch(() => null);
    if (real === null) throw invalid(name, "there is no such file");
    const from = relative(root, real);
    if (from === ".." || from.startsWith(`..${sep}`)) throw invalid(name, "it leads out of the tool's folder");
  }
}
